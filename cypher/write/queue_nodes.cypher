// Queue nodes for the index, whatever it holds of them: people change nodes in Browser, and a slow service may have
// overwritten a newer point. A node that waits already keeps its place. The partitions are locked first, one after another
// by name: otherwise this and an add could each wait for a node that the other holds.
// mode: write
// param: uuids list[string] - the nodes
CALL () {
  UNWIND $uuids AS uuid
  CALL (uuid) {
    MATCH (n:Memory {uuid: uuid}) RETURN n
    UNION ALL
    MATCH (n:Fact {uuid: uuid}) RETURN n
    UNION ALL
    MATCH (n:Entity {uuid: uuid}) RETURN n
  }
  RETURN collect(n) AS nodes
}
CALL (nodes) {
  UNWIND nodes AS n
  WITH DISTINCT n.user_id AS user_id
  MATCH (p:Partition {user_id: user_id})
  WITH p ORDER BY p.user_id
  SET p.user_id = p.user_id
  RETURN count(*) AS locked
}
UNWIND nodes AS n
SET n.bulk = CASE WHEN n:Unindexed THEN n.bulk ELSE true END, n:Unindexed
SET n.index_rev = n.index_rev + 1
