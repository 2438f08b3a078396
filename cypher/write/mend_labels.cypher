// Give nodes the label that their relationships ask for.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH ()-[r:PREVIOUS]->() WITH DISTINCT endNode(r) AS n
  WHERE NOT n:MemoryVersion AND n.user_id = $user_id SET n:MemoryVersion
  RETURN count(n) AS versions
}
CALL () {
  MATCH ()-[r:STATES|NAMES|PREVIOUS]->() WITH DISTINCT startNode(r) AS n
  WHERE NOT n:Memory AND NOT n:MemoryVersion AND n.user_id = $user_id SET n:Memory
  RETURN count(n) AS memories
}
CALL () {
  MATCH ()-[r:STATES]->() WITH DISTINCT endNode(r) AS n
  WHERE NOT n:Fact AND n.user_id = $user_id SET n:Fact
  RETURN count(n) AS facts
}
CALL () {
  MATCH ()-[r:NAMES]->() WITH DISTINCT endNode(r) AS n
  WHERE NOT n:Alias AND n.user_id = $user_id SET n:Alias
  RETURN count(n) AS names
}
CALL () {
  MATCH ()-[r:REFERS_TO]->() WITH DISTINCT endNode(r) AS n
  WHERE NOT n:Entity AND n.user_id = $user_id SET n:Entity
  RETURN count(n) AS entities
}
FINISH
