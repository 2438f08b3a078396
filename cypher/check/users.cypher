// Nothing leads from one user's nodes to another's.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
CALL () {
  MATCH (n:Memory) WHERE ($user_id IS NULL OR n.user_id = $user_id)
  MATCH (n)-->(o) WHERE o.user_id <> n.user_id
  RETURN n, o
  UNION
  MATCH (n:MemoryVersion) WHERE ($user_id IS NULL OR n.user_id = $user_id)
  MATCH (n)-->(o) WHERE o.user_id <> n.user_id
  RETURN n, o
  UNION
  MATCH (n:Fact) WHERE ($user_id IS NULL OR n.user_id = $user_id)
  MATCH (n)-->(o) WHERE o.user_id <> n.user_id
  RETURN n, o
  UNION
  MATCH (n:Alias) WHERE ($user_id IS NULL OR n.user_id = $user_id)
  MATCH (n)-->(o) WHERE o.user_id <> n.user_id
  RETURN n, o
  UNION
  MATCH (n:Entity) WHERE ($user_id IS NULL OR n.user_id = $user_id)
  MATCH (n)-->(o) WHERE o.user_id <> n.user_id
  RETURN n, o
  UNION
  MATCH (n:Job) WHERE ($user_id IS NULL OR n.user_id = $user_id)
  MATCH (n)-->(o) WHERE o.user_id <> n.user_id
  RETURN n, o
}
RETURN n AS node, 'it leads to a ' + head(labels(o)) + ' of ' + coalesce(toStringOrNull(o.user_id), 'nobody') AS problem
LIMIT $limit
