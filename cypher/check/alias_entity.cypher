// A name refers to one thing, and not to one that was merged into another.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (a:Alias) WHERE ($user_id IS NULL OR a.user_id = $user_id)
WITH a, [(a)-[:REFERS_TO]->(e:Entity) | EXISTS { (e)-[:MERGED_INTO]->() }] AS merged
WHERE merged <> [false]
RETURN a AS node, CASE size(merged) WHEN 0 THEN 'it refers to nothing' WHEN 1 THEN 'it refers to a thing that was merged'
  ELSE 'it refers to ' + size(merged) + ' things' END AS problem
LIMIT $limit
