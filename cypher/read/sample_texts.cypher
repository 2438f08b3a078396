// The newest texts of a partition, as a sample of how common words are.
// mode: read
// param: user_id string - partition
// param: top_k integer - most rows returned
// returns: text string, content_hash string
MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0
WITH m ORDER BY m.user_id DESC, m.seq DESC LIMIT $top_k
RETURN m.text AS text, m.content_hash AS content_hash
