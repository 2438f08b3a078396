// A fact is stated by one memory, or by one version of a memory.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id)
WITH f, COUNT { (f)<-[:STATES]-() } AS owners WHERE owners <> 1
RETURN f AS node, CASE owners WHEN 0 THEN 'no memory states it' ELSE owners + ' memories state it' END AS problem
LIMIT $limit
