// Queue every node for the index again, in batches, to rebuild the index. A node that waits already keeps its place. The
// revision rises, so that a write to the old index takes no node off the queue. The partitions are locked first, as by
// queue_nodes.
// mode: write
// param: label string - Memory, Fact or Entity
// param: after string - only nodes with a greater uuid
// param: top_k integer - most nodes queued at once
// returns: last string or null - where to go on; null at the end
// returns: queued integer
CALL () {
  MATCH (n:Memory) WHERE n.uuid > CASE $label WHEN 'Memory' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Fact) WHERE n.uuid > CASE $label WHEN 'Fact' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Entity) WHERE n.uuid > CASE $label WHEN 'Entity' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
}
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
SET n.bulk = CASE WHEN n:Unindexed THEN n.bulk ELSE true END, n:Unindexed
SET n.index_rev = n.index_rev + 1, n.index_attempts = null, n.index_error = null, n.index_retry_at = null
RETURN max(n.uuid) AS last, count(n) AS queued
