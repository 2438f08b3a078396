// Current facts with their partitions, in order; to recompute what is derived from them.
// mode: read
// param: after string - only facts with a greater uuid
// param: top_k integer - most facts read
// returns: facts list[{uuid string, user_id string}]
// returns: last string or null - where to go on; null at the end
// order: uuid
CALL () {
  MATCH (f:Fact) WHERE f.uuid > $after RETURN f ORDER BY f.uuid LIMIT $top_k
}
OPTIONAL MATCH (owner:Deleting)-[:STATES]->(f)
WITH f, owner ORDER BY f.uuid
RETURN collect(CASE WHEN owner IS NULL AND f.expired_at IS NULL THEN f {.uuid, .user_id} END) AS facts,
  max(f.uuid) AS last
