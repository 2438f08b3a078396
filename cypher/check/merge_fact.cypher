// A merge that a fact asked for rests on a fact that is stated.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (e:Entity)-[m:MERGED_INTO]->() WHERE ($user_id IS NULL OR e.user_id = $user_id) AND m.fact IS NOT NULL
  AND NOT EXISTS { MATCH (f:Fact {uuid: m.fact})<-[:STATES]-() WHERE f.predicate = 'SAME_AS' AND f.expired_at IS NULL }
RETURN e AS node, 'the fact that said it to be one with another is gone' AS problem
LIMIT $limit
