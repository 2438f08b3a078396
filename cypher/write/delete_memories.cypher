// Delete memories with their versions and facts, and jobs that have no other memory.
// The two messages after a deleted one are queued for the index, because their vectors carry something of it.
// mode: write
// param: uuids list[string] - the memories, checked to be the caller's
CALL () {
  UNWIND $uuids AS uuid
  MATCH (:Memory {uuid: uuid})-[:NEXT*1..2]->(n:Memory)
  WITH DISTINCT n
  SET n.index_rev = n.index_rev + 1, n:Unindexed
}
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
