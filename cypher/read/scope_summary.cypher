// The agents, runs and projects of a partition: how many memories each has and when it was last used. Writes keep count.
// mode: read
// param: user_id string - partition
// param: top_k integer - most rows of each kind, the most recently used first
// returns: agents list[{id string, memories integer, last_used datetime}]
// returns: runs list[{id string, memories integer, last_used datetime}]
// returns: projects list[{id string, memories integer, last_used datetime}]
// returns: memories integer, last_used datetime or null
OPTIONAL MATCH (whole:ScopeCount {user_id: $user_id, kind: 'user', name: $user_id})
CALL () {
  UNWIND ['agent', 'run', 'project'] AS kind
  CALL (kind) {
    MATCH (s:ScopeCount) WHERE s.user_id = $user_id AND s.kind = kind AND s.last_used IS NOT NULL
    WITH s ORDER BY s.last_used DESC, s.name LIMIT $top_k
    RETURN collect(s {id: s.name, .memories, .last_used}) AS used
  }
  RETURN collect(used) AS kinds
}
RETURN kinds[0] AS agents, kinds[1] AS runs, kinds[2] AS projects, coalesce(whole.memories, 0) AS memories,
  whole.last_used AS last_used
