// The count of each user, agent, run and project is that of its memories, and it was last used when the newest was stored.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
CALL () {
  MATCH (m:Memory) WHERE ($user_id IS NULL OR m.user_id = $user_id) AND m.seq >= 0 AND NOT m:Deleting
  UNWIND [['user', m.user_id], ['agent', m.agent_id], ['run', m.run_id], ['project', m.project]] AS scope
  WITH m.user_id AS user_id, scope[0] AS kind, scope[1] AS name, count(*) AS memories, max(m.created_at) AS last_used,
    head(collect(m)) AS some
  WHERE user_id IS NOT NULL AND name IS NOT NULL
  OPTIONAL MATCH (s:ScopeCount {user_id: user_id, kind: kind, name: name})
  WITH s, some, memories, last_used
  WHERE s IS NULL OR NOT coalesce(s.memories = memories AND s.last_used = last_used, false)
  RETURN coalesce(s, some) AS node, 'its scope counts ' + coalesce(toStringOrNull(s.memories), 'nothing') + ' of '
    + memories + ' memories, or was last used at another time' AS problem
  UNION ALL
  MATCH (s:ScopeCount) WHERE ($user_id IS NULL OR s.user_id = $user_id) AND NOT EXISTS {
    MATCH (m:Memory) WHERE m.user_id = s.user_id AND m.seq >= 0 AND NOT m:Deleting
      AND CASE s.kind WHEN 'user' THEN m.user_id WHEN 'agent' THEN m.agent_id WHEN 'run' THEN m.run_id
        WHEN 'project' THEN m.project END = s.name
  }
  RETURN s AS node, 'it counts memories, and there are none' AS problem
}
RETURN node, problem LIMIT $limit
