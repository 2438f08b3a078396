// The partitions whose words have to be counted again, because they have grown or because memories were erased.
// mode: read
// param: growth float - by so much a partition may grow before
// param: top_k integer - most rows returned
// returns: user_id string, seq integer
// order: last_at descending
MATCH (p:Partition)
WHERE p.user_id IS :: STRING NOT NULL AND p.seq IS :: INTEGER NOT NULL AND p.seq > 0 AND coalesce(p.erased_seq, 0) <= p.seq
  AND CASE WHEN p.counted_seq IS :: INTEGER NOT NULL THEN p.seq > p.counted_seq * $growth OR p.seq < p.counted_seq
    ELSE true END
RETURN p.user_id AS user_id, p.seq AS seq ORDER BY p.last_at DESC LIMIT $top_k
