// The partitions of this store, for a caller that is bound to none of them.
// mode: read
// param: top_k integer - most rows returned
// returns: id string, memories integer, last_used datetime
// order: last_used descending, id
MATCH (p:Partition)
MATCH (s:ScopeCount {user_id: p.user_id, kind: 'user', name: p.user_id})
RETURN s.name AS id, s.memories AS memories, s.last_used AS last_used ORDER BY last_used DESC, id LIMIT $top_k
