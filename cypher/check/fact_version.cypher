// A fact has expired if a version of a memory states it, and only then.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id)
WITH f, EXISTS { (f)<-[:STATES]-(:MemoryVersion) } AS replaced, EXISTS { (f)<-[:STATES]-(:Memory) } AS stands
WHERE replaced AND NOT stands AND f.expired_at IS NULL OR stands AND f.expired_at IS NOT NULL
RETURN f AS node, CASE WHEN stands THEN 'its memory states it, and it has expired'
  ELSE 'only an earlier version states it, and it has not expired' END AS problem
LIMIT $limit
