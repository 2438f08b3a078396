// No fact is about a thing that was merged into another.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id)
MATCH (f)-[side:SUBJECT|OBJECT]->(e:Entity) WHERE EXISTS { (e)-[:MERGED_INTO]->() }
RETURN f AS node, 'its ' + toLower(type(side)) + ' was merged into another' AS problem
LIMIT $limit
