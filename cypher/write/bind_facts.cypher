// Bind facts to a subject and an object, and to nothing else.
// mode: write
// param: user_id string - partition
// param: facts list[map] - uuid, subject_uuid, subject_key, object_uuid, object_name_key, object_key, version, claim_key
UNWIND $facts AS fact
MATCH (f:Fact {uuid: fact.uuid}) WHERE f.user_id = $user_id
CALL (f) {
  MATCH (f)-[side:SUBJECT|OBJECT]->()
  DELETE side
}
SET f.subject_uuid = fact.subject_uuid, f.object_uuid = fact.object_uuid, f.object_key = fact.object_key,
  f.version = fact.version, f.claim_key = fact.claim_key, f:Unindexed
WITH f, fact
CALL (f, fact) {
  MATCH (subject:Entity {uuid: fact.subject_uuid})
  CREATE (f)-[:SUBJECT {name_key: fact.subject_key}]->(subject)
}
CALL (f, fact) {
  MATCH (object:Entity {uuid: fact.object_uuid})
  CREATE (f)-[:OBJECT {name_key: fact.object_name_key}]->(object)
}
