// No two memories or facts of a partition have the same number.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
CALL () {
  MATCH (n:Memory) WHERE ($user_id IS NULL OR n.user_id = $user_id) AND n.user_id IS NOT NULL AND n.seq IS NOT NULL
  WITH n WHERE n.seq IS :: INTEGER
  RETURN DISTINCT n.user_id AS user_id, n.seq / 1000 * 1000 AS start // a thousand at once, however many there are
  UNION
  MATCH (n:Fact) WHERE ($user_id IS NULL OR n.user_id = $user_id) AND n.user_id IS NOT NULL AND n.seq IS NOT NULL
  WITH n WHERE n.seq IS :: INTEGER
  RETURN DISTINCT n.user_id AS user_id, n.seq / 1000 * 1000 AS start
}
CALL (user_id, start) {
  CALL (user_id, start) {
    MATCH (n:Memory) WHERE n.user_id = user_id AND n.seq >= start AND n.seq < start + 1000 RETURN n
    UNION ALL
    MATCH (n:Fact) WHERE n.user_id = user_id AND n.seq >= start AND n.seq < start + 1000 RETURN n
  }
  WITH n.seq AS seq, collect(n) AS nodes WHERE size(nodes) > 1
  UNWIND nodes AS n
  WITH seq, n ORDER BY n.created_at
  WITH seq, collect(n) AS nodes
  UNWIND nodes[1..] AS node
  RETURN node, seq
}
RETURN node, 'its number ' + toStringOrNull(seq) + ' is taken' AS problem
LIMIT $limit
