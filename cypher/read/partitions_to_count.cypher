// The partitions whose words have to be counted again, because they have grown or because memories were erased.
// mode: read
// param: growth float - by so much a partition may grow before
// param: top_k integer - most rows returned
// returns: user_id string, seq integer
// order: last_at descending
MATCH (p:Partition)
WHERE p.user_id IS :: STRING NOT NULL AND p.seq IS :: INTEGER NOT NULL AND p.seq > 0 AND coalesce(p.erased_seq, 0) <= p.seq
OPTIONAL MATCH (w:WordCounts {user_id: p.user_id})
WITH p, w.counted_seq AS counted
WHERE CASE WHEN counted IS :: INTEGER NOT NULL THEN p.seq > counted * $growth OR p.seq < counted ELSE true END
RETURN p.user_id AS user_id, p.seq AS seq ORDER BY p.last_at DESC LIMIT $top_k
