// A thing has a name, unless it was merged into another.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (e:Entity) WHERE ($user_id IS NULL OR e.user_id = $user_id) AND NOT EXISTS { (e)<-[:REFERS_TO]-(:Alias) } AND NOT EXISTS { (e)-[:MERGED_INTO]->() }
RETURN e AS node, CASE WHEN EXISTS { (e)<-[:SUBJECT|OBJECT]-() } THEN 'it has facts and no name' ELSE 'it has no name' END AS problem
LIMIT $limit
