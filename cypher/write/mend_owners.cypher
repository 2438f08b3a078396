// Leave each fact to one memory, and each version: to the one that stands, of several to the oldest.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH (o)-[r:STATES]->(n:Fact) WHERE n.user_id = $user_id
  RETURN n, r, o
  UNION ALL
  MATCH (o)-[r:PREVIOUS]->(n:MemoryVersion) WHERE n.user_id = $user_id
  RETURN n, r, o
}
WITH n, r, o ORDER BY o:Memory DESC, o.created_at
WITH n, collect(r) AS owned WHERE size(owned) > 1
UNWIND owned[1..] AS needless
DELETE needless
