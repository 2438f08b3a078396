// The newest texts of a partition, as a sample of how common words are.
// mode: read
// param: user_id string - partition
// param: top_k integer - most rows returned
// returns: texts list[{content_hash string, text string}]
MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false
WITH m ORDER BY m.user_id DESC, m.seq DESC LIMIT $top_k
RETURN collect(m {.content_hash, .text}) AS texts
