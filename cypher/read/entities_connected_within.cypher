// The most connected entities of a scope, by its facts that held.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: at datetime - instant in valid time, UTC
// param: top_k integer - most rows returned
// returns: uuid string, degree integer
// order: degree descending, uuid
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
MATCH (m)-[:STATES]->(f:Fact)-[:SUBJECT|OBJECT]->(e:Entity)
WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
WITH e.uuid AS uuid, count(DISTINCT f) AS degree
RETURN uuid, degree ORDER BY degree DESC, uuid LIMIT $top_k
