// The degree of a thing is the number of sides of facts that are bound to it.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (e:Entity) WHERE ($user_id IS NULL OR e.user_id = $user_id)
WITH e, COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() } AS degree
WHERE NOT coalesce(e.degree = degree, false)
RETURN e AS node, 'its degree is ' + coalesce(toStringOrNull(e.degree), 'missing') + ' instead of ' + degree AS problem
LIMIT $limit
