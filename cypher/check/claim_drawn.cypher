// Every claim between two things that holds is drawn, with the facts that state it.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id) AND f.expired_at IS NULL
  AND (f.invalid_at IS NULL OR (f.invalid_at > datetime() AND f.invalid_at > f.valid_at))
MATCH (s:Entity)<-[:SUBJECT]-(f)-[:OBJECT]->(o:Entity)
WHERE EXISTS { MATCH (f)<-[:STATES]-(m:Memory) WHERE NOT m:Deleting }
  AND NOT EXISTS { MATCH (s)-[r]->(o) WHERE r.claim_key = f.claim_key AND f.uuid IN coalesce(r.fact_uuids, []) }
RETURN f AS node, 'it holds, and no relationship is drawn for it' AS problem
LIMIT $limit
