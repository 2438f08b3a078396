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
// returns: memory Memory
// returns: facts list[{uuid string, statement string, because string or null, revisit_when string or null, valid_at
//   datetime, invalid_at datetime or null}]
// returns: facts_count integer - of all, those left out too
// instants: occurred_at, created_at, updated_at, last_recalled_at, valid_at, invalid_at
// order: seq descending
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq < $before AND (m:Deleting) = false
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
  AND ($noise OR coalesce(m.noise, false) <> true)
WITH m ORDER BY m.user_id DESC, m.seq DESC LIMIT $top_k
CALL (m) {
  MATCH (m)-[:STATES]->(f:Fact) WHERE f.invalid_at IS NULL OR (f.invalid_at > $now AND f.invalid_at > f.valid_at)
  WITH f ORDER BY f.seq DESC
  WITH collect(f) AS held
  RETURN [f IN held[..$facts_top_k] | f {.uuid, .statement, .because, .revisit_when,
      valid_at: toStringOrNull(f.valid_at), invalid_at: toStringOrNull(f.invalid_at)}] AS facts,
    size(held) AS facts_count
}
RETURN m {.*, occurred_at: toStringOrNull(m.occurred_at), created_at: toStringOrNull(m.created_at),
  updated_at: toStringOrNull(m.updated_at), last_recalled_at: toStringOrNull(m.last_recalled_at)} AS memory, facts, facts_count
ORDER BY memory.user_id DESC, memory.seq DESC
