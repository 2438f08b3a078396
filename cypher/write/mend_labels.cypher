// Give nodes the label that their relationships ask for.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH (n)-[:STATES|NAMES]->() WHERE NOT n:Memory AND NOT n:MemoryVersion AND EXISTS { (n)<-[:PREVIOUS]-() }
  WITH DISTINCT n WHERE n.user_id = $user_id SET n:MemoryVersion
  RETURN count(n) AS versions
}
CALL () {
  MATCH ()-[:PREVIOUS]->(n) WHERE NOT n:MemoryVersion
  WITH DISTINCT n WHERE n.user_id = $user_id SET n:MemoryVersion
  RETURN count(n) AS others
}
CALL () {
  MATCH (n)-[:STATES|NAMES|PREVIOUS]->() WHERE NOT n:Memory AND NOT n:MemoryVersion
  WITH DISTINCT n WHERE n.user_id = $user_id SET n:Memory
  RETURN count(n) AS memories
}
CALL () {
  MATCH ()-[:STATES]->(n) WHERE NOT n:Fact
  WITH DISTINCT n WHERE n.user_id = $user_id SET n:Fact
  RETURN count(n) AS facts
}
CALL () {
  MATCH ()-[:NAMES]->(n) WHERE NOT n:Alias
  WITH DISTINCT n WHERE n.user_id = $user_id SET n:Alias
  RETURN count(n) AS names
}
CALL () {
  MATCH ()-[:REFERS_TO]->(n) WHERE NOT n:Entity
  WITH DISTINCT n WHERE n.user_id = $user_id SET n:Entity
  RETURN count(n) AS entities
}
FINISH
