// What was chosen, is used and is preferred.
// mode: read
// param: user_id string - whose memories
// returns: a node - who chose
// returns: r relationship - with because
// returns: b node - what was chosen
MATCH (a:Entity)-[r]->(b:Entity)
WHERE a.user_id = $user_id AND a.uuid >= '' AND r.claim_key IS NOT NULL
  AND type(r) IN ['CHOSE', 'DECIDED', 'USES', 'USES_VERSION', 'PREFERS', 'HAS_CONVENTION', 'REQUIRES']
RETURN a, r, b LIMIT 300
