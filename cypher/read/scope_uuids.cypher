// Identities of the memories of a scope.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: top_k integer - most rows returned
// returns: uuids list[string]
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
WITH m.uuid AS uuid LIMIT $top_k
RETURN collect(uuid) AS uuids
