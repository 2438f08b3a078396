// Give nodes properties of the right types.
// mode: write
// param: user_id string - partition
// param: nodes list[map] - uuid and properties; null removes one
UNWIND $nodes AS mended
CALL (mended) {
  MATCH (n:Memory {uuid: mended.uuid}) RETURN n
  UNION ALL
  MATCH (n:MemoryVersion {uuid: mended.uuid}) RETURN n
  UNION ALL
  MATCH (n:Fact {uuid: mended.uuid}) RETURN n
  UNION ALL
  MATCH (n:Entity {uuid: mended.uuid}) RETURN n
  UNION ALL
  MATCH (n:Job {uuid: mended.uuid}) RETURN n
}
WITH n, mended WHERE n.user_id = $user_id
SET n += mended.properties
FOREACH (ignored IN CASE WHEN n:Memory OR n:Fact OR n:Entity THEN [1] ELSE [] END | SET n:Unindexed)
FOREACH (ignored IN CASE WHEN n:Job THEN [1] ELSE [] END | SET n:Internal)
