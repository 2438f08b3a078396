// Every claim between two things that holds is drawn, with the facts that state it.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (s:Entity) WHERE ($user_id IS NULL OR s.user_id = $user_id)
CALL (s) {
  MATCH (s)-[r]->(o:Entity) WHERE r.claim_key IS NOT NULL
  UNWIND r.fact_uuids AS uuid
  RETURN collect(r.claim_key + ' ' + uuid + ' ' + o.uuid) AS drawn
}
MATCH (s)<-[:SUBJECT]-(f:Fact)
WHERE f.expired_at IS NULL AND (f.invalid_at IS NULL OR (f.invalid_at > datetime() AND f.invalid_at > f.valid_at))
MATCH (f)-[:OBJECT]->(o:Entity)
WHERE NOT coalesce(f.claim_key + ' ' + f.uuid + ' ' + o.uuid IN drawn, false)
  AND EXISTS { MATCH (f)<-[:STATES]-(m:Memory) WHERE NOT m:Deleting }
RETURN f AS node, 'it holds, and no relationship is drawn for it' AS problem
LIMIT $limit
