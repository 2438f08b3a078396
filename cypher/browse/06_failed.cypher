// What failed, what it turned out to be, and what fixed it.
// mode: read
// param: user_id string - whose memories
// returns: a node - what failed
// returns: r relationship - how it hangs together
// returns: b node - the cause, the false lead or the fix
MATCH (a:Entity)-[r]->(b:Entity)
WHERE a.user_id = $user_id AND a.uuid >= '' AND r.claim_key IS NOT NULL
  AND type(r) IN ['CAUSED_BY', 'NOT_CAUSED_BY', 'FAILED_BECAUSE', 'FIXED_BY', 'TRIED', 'HAD']
RETURN a, r, b LIMIT 300
