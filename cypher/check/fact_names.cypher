// A fact names its subject and its object by a name that they have.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id)
MATCH (f)-[side:SUBJECT|OBJECT]->(e:Entity)
WHERE NOT EXISTS { MATCH (e)<-[:REFERS_TO]-(a:Alias) WHERE a.key = side.name_key }
  AND NOT EXISTS { (e)-[:MERGED_INTO]->() }
RETURN f AS node, 'its ' + toLower(type(side)) + ' has no name ' + coalesce(toStringOrNull(side.name_key), '(none)') AS problem
LIMIT $limit
