// A merged thing was merged into one other, and never round in a circle.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (e:Entity) WHERE ($user_id IS NULL OR e.user_id = $user_id) AND EXISTS { (e)-[:MERGED_INTO]->() }
WITH e, COUNT { (e)-[:MERGED_INTO]->() } AS targets, EXISTS { (e)-[:MERGED_INTO]->{1,50}(e) } AS round
WHERE targets > 1 OR round
RETURN e AS node, CASE WHEN round THEN 'it was merged into itself, through others' ELSE 'it was merged into several' END AS problem
LIMIT $limit
