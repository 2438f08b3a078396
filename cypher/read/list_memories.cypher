// Memories of a scope, newest first, from a position on.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: before integer - only memories whose sequence number is lower
// param: noise boolean - whether trivial memories are listed too
// param: now datetime - facts that ended before it are left out, and those that were corrected before they began
// param: facts_top_k integer - most facts of each memory, the last stated ones
// param: top_k integer - most rows returned
// returns: memory map, facts list[map], facts_count integer
// order: seq descending
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq < $before AND NOT m:Deleting
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
  AND ($noise OR NOT m.noise)
WITH m ORDER BY m.user_id DESC, m.seq DESC LIMIT $top_k
CALL (m) {
  MATCH (m)-[:STATES]->(f:Fact) WHERE f.invalid_at IS NULL OR (f.invalid_at > $now AND f.invalid_at > f.valid_at)
  WITH f ORDER BY f.seq DESC
  WITH collect(f) AS held
  RETURN [f IN held[..$facts_top_k] | f {.uuid, .statement, .valid_at, .invalid_at, .because, .revisit_when}] AS facts,
    size(held) AS facts_count
}
RETURN m {.*} AS memory, facts, facts_count
ORDER BY memory.user_id DESC, memory.seq DESC
