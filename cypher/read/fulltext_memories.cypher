// Memories whose words match, best first, within a scope.
// mode: read
// param: index string - name of the full-text index
// param: words string - Lucene query with the partition's key
// param: fetch integer - most hits taken from the index before the scope is checked
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: noise boolean - whether trivial memories are found too
// param: as_of datetime or null - only what had occurred by then
// param: known_at datetime or null - only what was stored by then
// param: top_k integer - most rows returned
// returns: uuids list[string] - best first
CALL db.index.fulltext.queryNodes($index, $words, {limit: $fetch}) YIELD node, score
WHERE node.user_id = $user_id AND (node:Deleting) = false AND ($noise OR coalesce(node.noise, false) <> true)
  AND ($agent_id IS NULL OR node.agent_id = $agent_id)
  AND ($run_id IS NULL OR node.run_id = $run_id)
  AND ($project IS NULL OR node.project = $project)
  AND ($as_of IS NULL OR node.occurred_at <= $as_of)
  AND ($known_at IS NULL OR node.created_at <= $known_at)
WITH node.uuid AS uuid ORDER BY score DESC, uuid LIMIT $top_k
RETURN collect(uuid) AS uuids
