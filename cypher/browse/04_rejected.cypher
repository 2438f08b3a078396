// What was rejected or is avoided: click an arrow for its because and revisit_when.
// mode: read
// param: user_id string - whose memories
// returns: a node - who rejected
// returns: r relationship - with because and revisit_when
// returns: b node - what was rejected
MATCH (a:Entity)-[r]->(b:Entity)
WHERE a.user_id = $user_id AND a.uuid >= '' AND r.claim_key IS NOT NULL
  AND type(r) IN ['REJECTED', 'AVOIDS', 'STOPPED_USING']
RETURN a, r, b LIMIT 300
