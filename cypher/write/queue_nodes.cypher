// Queue some nodes for the index, whatever was written of them before: people change nodes in Browser.
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
SET n:Unindexed, n.bulk = true, n.index_rev = n.index_rev + 1
