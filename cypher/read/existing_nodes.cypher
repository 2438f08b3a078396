// Which of these uuids belong to nodes that the index should hold.
// mode: read
// param: uuids list[string] - uuids
// returns: uuid string
CALL () {
  UNWIND $uuids AS uuid MATCH (m:Memory {uuid: uuid}) WHERE (m:Deleting) = false RETURN uuid
  UNION
  UNWIND $uuids AS uuid MATCH (f:Fact {uuid: uuid}) WHERE f.expired_at IS NULL RETURN uuid
  UNION
  UNWIND $uuids AS uuid MATCH (e:Entity {uuid: uuid}) RETURN uuid
}
RETURN uuid
