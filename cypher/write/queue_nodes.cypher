// Queue some nodes for the index.
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
SET n:Unindexed, n.bulk = true
