// Every user with memories has a partition, which has counted as far as its highest number.
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
WITH n.user_id AS user_id, max(CASE WHEN n.seq IS :: INTEGER NOT NULL THEN n.seq END) AS highest,
  min(elementId(n)) AS some
WHERE user_id IS NOT NULL
OPTIONAL MATCH (p:Partition {user_id: user_id})
WITH p, some, highest WHERE p IS NULL OR (p.seq IS NULL OR NOT p.seq IS :: INTEGER) OR p.seq < highest
MATCH (n) WHERE elementId(n) = some
RETURN coalesce(p, n) AS node, CASE WHEN p IS NULL THEN 'the partition of its user is gone'
  ELSE 'it has counted to ' + coalesce(toStringOrNull(p.seq), '(nothing)') + ', and ' + highest + ' is given' END AS problem
LIMIT $limit
