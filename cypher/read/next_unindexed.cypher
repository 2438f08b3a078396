// The next nodes of the index's queue: interactive ones before bulk, none that is backing off after a failure.
// mode: read
// param: now datetime - instant for the back-off, UTC
// param: top_k integer - most rows returned
// returns: node map
// order: interactive before bulk
MATCH (n:Unindexed)
WHERE n.index_retry_at IS NULL OR n.index_retry_at <= $now
WITH n ORDER BY coalesce(n.bulk, false) LIMIT $top_k
OPTIONAL MATCH (m:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(n)
WITH n, coalesce(m, n) AS owner
RETURN n {.uuid, .user_id, .index_rev, .valid_at, .invalid_at,
  kind: CASE WHEN n:Memory THEN 'memory' WHEN n:Fact THEN 'fact' ELSE 'entity' END,
  text: coalesce(n.text, n.statement, n.name),
  gone: n:Deleting OR owner:Deleting OR n.expired_at IS NOT NULL,
  agent_id: owner.agent_id, run_id: owner.run_id, project: owner.project, metadata: owner.metadata} AS node
