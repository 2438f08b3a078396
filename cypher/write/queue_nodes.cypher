// Queue nodes for the index, whatever it holds of them: people change nodes in Browser, and a slow service may have
// overwritten a newer point. A node that waits already keeps its place.
// mode: write
// param: uuids list[string] - the nodes
UNWIND $uuids AS uuid
CALL (uuid) {
  MATCH (n:Memory {uuid: uuid}) RETURN n
  UNION ALL
  MATCH (n:Fact {uuid: uuid}) RETURN n
  UNION ALL
  MATCH (n:Entity {uuid: uuid}) RETURN n
}
SET n.bulk = CASE WHEN n:Unindexed THEN n.bulk ELSE true END, n:Unindexed
SET n.index_rev = n.index_rev + 1
