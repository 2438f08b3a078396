// The agents, runs and projects of a partition: how many memories each has and when it was last used.
// mode: read
// param: user_id string - partition
// param: top_k integer - most rows of each kind, the most recently used first
// returns: agents list[{id string, memories integer, last_used datetime}]
// returns: runs list[{id string, memories integer, last_used datetime}]
// returns: projects list[{id string, memories integer, last_used datetime}]
// returns: memories integer, last_used datetime or null
CALL () {
  MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND NOT m:Deleting
  RETURN count(m) AS memories, max(m.created_at) AS last_used
}
CALL () {
  MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND NOT m:Deleting AND m.agent_id IS NOT NULL
  WITH m.agent_id AS id, count(*) AS stated, max(m.created_at) AS last
  ORDER BY last DESC, id LIMIT $top_k
  RETURN collect({id: id, memories: stated, last_used: last}) AS agents
}
CALL () {
  MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND NOT m:Deleting AND m.run_id IS NOT NULL
  WITH m.run_id AS id, count(*) AS stated, max(m.created_at) AS last
  ORDER BY last DESC, id LIMIT $top_k
  RETURN collect({id: id, memories: stated, last_used: last}) AS runs
}
CALL () {
  MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND NOT m:Deleting AND m.project IS NOT NULL
  WITH m.project AS id, count(*) AS stated, max(m.created_at) AS last
  ORDER BY last DESC, id LIMIT $top_k
  RETURN collect({id: id, memories: stated, last_used: last}) AS projects
}
RETURN agents, runs, projects, memories, last_used
