// Try nodes again at once that could not be embedded. The partitions are locked first, as by queue_nodes.
// mode: write
// returns: retried integer
MATCH (n:Unindexed) WHERE n.index_error IS NOT NULL
WITH collect(n) AS nodes
CALL (nodes) {
  UNWIND nodes AS n
  WITH DISTINCT n.user_id AS user_id
  MATCH (p:Partition {user_id: user_id})
  WITH p ORDER BY p.user_id
  SET p.user_id = p.user_id
  RETURN count(*) AS locked
}
UNWIND nodes AS n
SET n.index_attempts = null, n.index_error = null, n.index_retry_at = null
RETURN count(n) AS retried
