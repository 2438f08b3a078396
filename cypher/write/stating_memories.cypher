// Memories of a scope that state facts, or stated some before an update: what erasing them changes for other facts must be
// done before the erasure is acknowledged.
// mode: write
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: until integer - only memories up to this sequence number
// param: top_k integer - most rows returned
// returns: uuids list[string]
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq <= $until AND (m:Deleting) = false
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
  AND EXISTS { MATCH (m)-[:PREVIOUS*0..1]->()-[:STATES]->(:Fact) }
WITH m.uuid AS uuid LIMIT $top_k
RETURN collect(uuid) AS uuids
