// A job that reads memories has some.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (j:Job) WHERE ($user_id IS NULL OR j.user_id = $user_id) AND j.kind IN ['extract', 'judge'] AND NOT EXISTS { (j)-[:EXTRACTS]->() }
RETURN j AS node, 'the memories that it is about are gone' AS problem
LIMIT $limit
