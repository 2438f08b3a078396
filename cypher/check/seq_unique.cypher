// No two memories or facts of a partition have the same number.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
CALL () {
  MATCH (n:Memory) WHERE ($user_id IS NULL OR n.user_id = $user_id) RETURN n
  UNION ALL
  MATCH (n:Fact) WHERE ($user_id IS NULL OR n.user_id = $user_id) RETURN n
}
WITH n.user_id AS user_id, n.seq AS seq, n ORDER BY n.created_at
WITH user_id, seq, collect(n) AS nodes WHERE seq IS NOT NULL AND size(nodes) > 1
UNWIND nodes[1..] AS node
RETURN node, 'its number ' + toStringOrNull(seq) + ' is taken' AS problem
LIMIT $limit
