// What holds now: the things that are known, and what connects them.
// mode: read
// param: user_id string - whose memories
// returns: a node - one thing
// returns: r relationship - a claim in force; its properties say why, since when and in which project
// returns: b node - the other thing
MATCH (a:Entity)-[r]->(b:Entity)
WHERE a.user_id = $user_id AND a.uuid >= '' AND r.claim_key IS NOT NULL
RETURN a, r, b LIMIT 300
