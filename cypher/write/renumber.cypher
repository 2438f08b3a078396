// Give nodes new numbers.
// mode: write
// param: user_id string - partition
// param: nodes list[map] - uuid and seq
UNWIND $nodes AS given
CALL (given) {
  MATCH (n:Memory {uuid: given.uuid}) RETURN n
  UNION ALL
  MATCH (n:Fact {uuid: given.uuid}) RETURN n
}
WITH n, given WHERE n.user_id = $user_id
SET n.seq = given.seq
