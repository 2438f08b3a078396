// Queue every node for the index again, in batches, to rebuild the index. A node that waits already keeps its place. The
// revision rises, so that a write to the old index takes no node off the queue.
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
SET n.bulk = CASE WHEN n:Unindexed THEN n.bulk ELSE true END, n:Unindexed
SET n.index_rev = n.index_rev + 1, n.index_attempts = null, n.index_error = null, n.index_retry_at = null
RETURN max(n.uuid) AS last, count(n) AS queued
