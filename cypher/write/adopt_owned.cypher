// Give what belongs to a user's memories to that user too, and cut what still leads to other users.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH (m:Memory)-[:PREVIOUS]->(v:MemoryVersion) WHERE m.user_id = $user_id AND coalesce(v.user_id <> $user_id, true)
  SET v.user_id = $user_id
}
CALL () {
  MATCH (m:Memory)-[:PREVIOUS*0..1]->(o)-[:STATES]->(f:Fact) WHERE m.user_id = $user_id AND coalesce(f.user_id <> $user_id, true)
  SET f.user_id = $user_id
}
CALL () {
  MATCH (m:Memory)-[r:NEXT]-(o:Memory) WHERE m.user_id = $user_id AND o.user_id <> $user_id
  DELETE r
}
CALL () {
  MATCH (f:Fact)-[r:SUPERSEDED_BY]-(o:Fact) WHERE f.user_id = $user_id AND o.user_id <> $user_id
  DELETE r
}
CALL () {
  MATCH (m:Memory)<-[r:EXTRACTS]-(j:Job) WHERE m.user_id = $user_id AND j.user_id <> $user_id
  DELETE r
}
CALL () {
  MATCH (e:Entity)-[r]-(o:Entity) WHERE e.user_id = $user_id AND o.user_id <> $user_id
  DELETE r
}
CALL () {
  MATCH (a:Alias)-[r:REFERS_TO]->(e) WHERE a.user_id = $user_id AND e.user_id <> $user_id
  DELETE r
}
CALL () {
  MATCH (a:Alias)-[r:REFERS_TO]->(e:Entity) WHERE e.user_id = $user_id AND a.user_id <> $user_id
  DELETE r
}
