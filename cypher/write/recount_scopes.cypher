// Count the memories of each scope of a user anew, and forget scopes that have none.
// mode: write
// param: user_id string - partition
CALL () {
  MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false
  UNWIND [['user', $user_id], ['agent', m.agent_id], ['run', m.run_id], ['project', m.project]] AS scope
  WITH scope[0] AS kind, scope[1] AS name, count(*) AS memories, max(m.created_at) AS last_used WHERE name IS NOT NULL
  MERGE (s:ScopeCount {user_id: $user_id, kind: kind, name: name})
  SET s:Internal, s.memories = memories, s.last_used = last_used
  RETURN collect(s) AS counted
}
MATCH (s:ScopeCount) WHERE s.user_id = $user_id AND NOT s IN counted
DETACH DELETE s
