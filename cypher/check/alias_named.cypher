// Every name is used by a memory, or by a version of one.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (a:Alias) WHERE ($user_id IS NULL OR a.user_id = $user_id) AND NOT EXISTS { (a)<-[:NAMES]-() }
RETURN a AS node, 'no memory uses this name' AS problem
LIMIT $limit
