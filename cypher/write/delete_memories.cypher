// Erase memories with their versions, facts and jobs.
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
  MATCH (j:Job)-[:EXTRACTS]->(m)
  DETACH DELETE j
}
DETACH DELETE m
