// Nodes as they are, whatever a person made of them, with the memory that states a fact.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - memories, versions, facts, entities or jobs
// returns: uuid string, labels list[string], properties map, owner map or null
UNWIND $uuids AS uuid
CALL (uuid) {
  MATCH (n:Memory {uuid: uuid}) RETURN n
  UNION ALL
  MATCH (n:MemoryVersion {uuid: uuid}) RETURN n
  UNION ALL
  MATCH (n:Fact {uuid: uuid}) RETURN n
  UNION ALL
  MATCH (n:Entity {uuid: uuid}) RETURN n
  UNION ALL
  MATCH (n:Job {uuid: uuid}) RETURN n
}
WITH n, head([(o:Memory)-[:STATES]->(n) | properties(o)]) AS owner WHERE n.user_id = $user_id
RETURN n.uuid AS uuid, labels(n) AS labels, properties(n) AS properties, owner
