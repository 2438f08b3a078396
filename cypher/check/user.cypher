// Every node says in user_id whose it is.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
CALL () {
  MATCH (n:Memory) WHERE (n.user_id IS NULL OR NOT n.user_id IS :: STRING) OR trim(toStringOrNull(n.user_id)) = '' RETURN n
  UNION ALL
  MATCH (n:MemoryVersion) WHERE (n.user_id IS NULL OR NOT n.user_id IS :: STRING) OR trim(toStringOrNull(n.user_id)) = '' RETURN n
  UNION ALL
  MATCH (n:Fact) WHERE (n.user_id IS NULL OR NOT n.user_id IS :: STRING) OR trim(toStringOrNull(n.user_id)) = '' RETURN n
  UNION ALL
  MATCH (n:Alias) WHERE (n.user_id IS NULL OR NOT n.user_id IS :: STRING) OR trim(toStringOrNull(n.user_id)) = '' RETURN n
  UNION ALL
  MATCH (n:Entity) WHERE (n.user_id IS NULL OR NOT n.user_id IS :: STRING) OR trim(toStringOrNull(n.user_id)) = '' RETURN n
  UNION ALL
  MATCH (n:Job) WHERE (n.user_id IS NULL OR NOT n.user_id IS :: STRING) OR trim(toStringOrNull(n.user_id)) = '' RETURN n
}
WITH n WHERE $user_id IS NULL
RETURN n AS node, 'it has no user_id' AS problem
LIMIT $limit
