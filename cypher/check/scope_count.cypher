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
    min(elementId(m)) AS some
  WHERE user_id IS NOT NULL AND name IS NOT NULL
  OPTIONAL MATCH (s:ScopeCount {user_id: user_id, kind: kind, name: name})
  RETURN collect(s) AS counted, collect(CASE
    WHEN s IS NULL OR NOT coalesce(s.memories = memories AND s.last_used = last_used, false)
    THEN {scope: s, some: some, memories: memories} END)[..$limit] AS wrong
}
CALL (counted, wrong) {
  UNWIND wrong AS one
  MATCH (m:Memory) WHERE elementId(m) = one.some
  WITH coalesce(one.scope, m) AS node, one.scope AS s, one.memories AS memories
  RETURN node, 'its scope counts ' + coalesce(toStringOrNull(s.memories), 'nothing') + ' of ' + memories
    + ' memories, or was last used at another time' AS problem
  UNION ALL
  MATCH (s:ScopeCount) WHERE ($user_id IS NULL OR s.user_id = $user_id) AND NOT s IN counted
  RETURN s AS node, 'it counts memories, and there are none' AS problem
}
RETURN node, problem LIMIT $limit
