// The messages of a conversation form one chain, in the order in which they were stored.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
CALL () {
  MATCH (m:Memory) WHERE ($user_id IS NULL OR m.user_id = $user_id) AND m.kind = 'message' AND NOT m:Deleting
  WITH m, CASE
    WHEN COUNT { (m)-[:NEXT]->() } > 1 THEN 'several messages follow it'
    WHEN COUNT { (m)<-[:NEXT]-() } > 1 THEN 'it follows several messages'
    WHEN EXISTS { MATCH (m)-[:NEXT]->(n) WHERE NOT n:Memory OR n.kind <> 'message' } THEN 'what follows it is no message'
    WHEN EXISTS { MATCH (m)-[:NEXT]->(n) WHERE n.seq <= m.seq } THEN 'what follows it was stored before it'
    WHEN EXISTS { MATCH (m)-[:NEXT]->(n) WHERE coalesce(n.run_id, '') <> coalesce(m.run_id, '') }
      THEN 'what follows it is of another conversation'
  END AS problem WHERE problem IS NOT NULL
  RETURN m, problem
  UNION ALL
  MATCH (m:Memory) WHERE ($user_id IS NULL OR m.user_id = $user_id) AND m.kind = 'message' AND m.run_id IS NOT NULL AND NOT EXISTS { (m)<-[:NEXT]-() }
  WITH m.user_id AS user_id, m.run_id AS run_id, m ORDER BY m.seq
  WITH user_id, run_id, collect(m) AS firsts WHERE size(firsts) > 1
  UNWIND firsts[1..] AS m
  RETURN m, 'nothing leads to it, and it is not the first of its conversation' AS problem
}
RETURN m AS node, problem
LIMIT $limit
