// A version belongs to one memory.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (v:MemoryVersion) WHERE ($user_id IS NULL OR v.user_id = $user_id)
WITH v, COUNT { (v)<-[:PREVIOUS]-() } AS memories WHERE memories <> 1
RETURN v AS node, CASE memories WHEN 0 THEN 'its memory is gone' ELSE 'it belongs to ' + memories + ' memories' END AS problem
LIMIT $limit
