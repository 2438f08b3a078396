// Try nodes again at once that could not be embedded.
// mode: write
// returns: retried integer
MATCH (n:Unindexed) WHERE n.index_error IS NOT NULL
SET n.index_attempts = null, n.index_error = null, n.index_retry_at = null
RETURN count(n) AS retried
