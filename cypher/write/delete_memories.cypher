// Delete memories with their versions and facts, and jobs that have no other memory.
// mode: write
// param: uuids list[string] - the memories, checked to be the caller's
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid})
CALL (m) {
  MATCH (m)-[:PREVIOUS*0..1]->(owner)-[:STATES]->(f:Fact)
  DETACH DELETE f
}
CALL (m) {
  MATCH (m)-[:PREVIOUS]->(v:MemoryVersion)
  DETACH DELETE v
}
CALL (m) {
  MATCH (j:Job)-[e:EXTRACTS]->(m)
  DELETE e
  WITH j WHERE NOT EXISTS { MATCH (j)-[:EXTRACTS]->(:Memory) }
  DETACH DELETE j
}
DETACH DELETE m
