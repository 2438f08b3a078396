// Take memories that are about to be erased out of the counts of their scopes. A scope that has no other is forgotten,
// and one whose newest goes was last used when the newest of the others was stored. What is kept of the partition's words
// goes too, as some may be of these memories alone. A count that a hand made something else of is left to a repair.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the memories; those that wait to be erased are out already
CALL () {
  MATCH (p:Partition {user_id: $user_id})
  SET p.erased_seq = p.seq
}
CALL () {
  MATCH (w:WordCounts {user_id: $user_id})
  DELETE w
}
CALL () {
  UNWIND $uuids AS uuid
  MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false
  UNWIND [['user', $user_id], ['agent', m.agent_id], ['run', m.run_id], ['project', m.project]] AS scope
  WITH scope[0] AS kind, scope[1] AS name, count(*) AS gone, max(m.created_at) AS newest WHERE name IS NOT NULL
  RETURN kind, name, gone, newest
}
MATCH (s:ScopeCount {user_id: $user_id, kind: kind, name: name})
WITH s, CASE WHEN s.memories IS :: INTEGER NOT NULL THEN s.memories - gone END AS others, newest
CALL (s, others) {
  WITH s WHERE others <= 0
  DETACH DELETE s
}
WITH s, others, newest WHERE others > 0
SET s.memories = others
WITH s, newest WHERE newest >= s.last_used
CALL (s) {
  CALL (s) {
    WITH s WHERE s.kind = 'run'
    MATCH (m:Memory) WHERE m.user_id = $user_id AND m.run_id = s.name AND m.seq >= 0 AND (m:Deleting) = false
      AND NOT m.uuid IN $uuids
    RETURN max(m.created_at) AS left
    UNION ALL
    WITH s WHERE s.kind <> 'run'
    CALL (s) {
      MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false AND NOT m.uuid IN $uuids
        AND (s.kind = 'user' OR s.kind = 'agent' AND m.agent_id = s.name OR s.kind = 'project' AND m.project = s.name)
      RETURN m ORDER BY m.seq DESC LIMIT 1
    }
    RETURN m.created_at AS left
  }
  WITH left WHERE left IS NOT NULL
  RETURN left
}
SET s.last_used = left
