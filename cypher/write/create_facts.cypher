// Create facts of memories, bound to their entities, and queue them for the index.
// mode: write
// param: facts list[map] - memory_uuid, subject_key, object_key_name and properties
UNWIND $facts AS fact
MATCH (m:Memory {uuid: fact.memory_uuid})
CREATE (m)-[:STATES]->(f:Fact:Unindexed)
SET f = fact.properties
WITH f, fact
CALL (f, fact) {
  MATCH (subject:Entity {uuid: fact.properties.subject_uuid})
  CREATE (f)-[:SUBJECT {name_key: fact.subject_key}]->(subject)
}
CALL (f, fact) {
  MATCH (object:Entity {uuid: fact.properties.object_uuid})
  CREATE (f)-[:OBJECT {name_key: fact.object_name_key}]->(object)
}
