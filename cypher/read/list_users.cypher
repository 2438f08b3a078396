// The partitions of this store, for a caller that is bound to none of them.
// mode: read
// param: top_k integer - most rows returned
// returns: id string, memories integer, last_used datetime
// order: last_used descending, id
MATCH (p:Partition)
CALL (p) {
  MATCH (m:Memory) WHERE m.user_id = p.user_id AND m.seq >= 0 AND NOT m:Deleting
  RETURN count(m) AS memories, max(m.created_at) AS last_used
}
WITH p.user_id AS id, memories, last_used WHERE memories > 0
RETURN id, memories, last_used ORDER BY last_used DESC, id LIMIT $top_k
