// Take away what is lost: versions without their memory, names without their thing, things that nothing names and
// nothing is said about, and facts that nothing states.
// mode: write
// param: user_id string - partition
// param: facts list[string] - facts that nothing states
CALL () {
  MATCH (v:MemoryVersion) WHERE v.user_id = $user_id AND NOT EXISTS { (v)<-[:PREVIOUS]-() }
  OPTIONAL MATCH (v)-[:STATES]->(f:Fact)
  DETACH DELETE f, v
}
CALL () {
  UNWIND $facts AS uuid
  MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id AND NOT EXISTS { (f)<-[:STATES]-() }
  DETACH DELETE f
}
CALL () {
  MATCH (a:Alias) WHERE a.user_id = $user_id AND (NOT EXISTS { (a)-[:REFERS_TO]->() } OR (a.key IS NULL OR NOT a.key IS :: STRING))
  DETACH DELETE a
}
CALL () {
  MATCH (e:Entity)
  WHERE e.user_id = $user_id AND NOT EXISTS { (e)<-[:REFERS_TO]-() } AND NOT EXISTS { (e)<-[:SUBJECT|OBJECT]-() }
    AND NOT EXISTS { (e)-[:MERGED_INTO]->() }
  DETACH DELETE e
}
