// Every relationship that is drawn between two things stands for facts that state it, and is drawn once.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (s:Entity) WHERE ($user_id IS NULL OR s.user_id = $user_id)
MATCH (s)-[r]->(o:Entity) WHERE r.claim_key IS NOT NULL
WITH s, r, o, COLLECT {
  MATCH (f:Fact {user_id: s.user_id, claim_key: r.claim_key})
  WHERE f.expired_at IS NULL AND f.subject_uuid = s.uuid AND f.object_uuid = o.uuid AND f.predicate = type(r)
    AND EXISTS { (f)<-[:STATES]-() }
  RETURN f.uuid
} AS stating
WITH s, r, CASE
  WHEN size(stating) = 0 THEN 'no fact states '
  WHEN any(uuid IN coalesce(r.fact_uuids, [null]) WHERE coalesce(NOT uuid IN stating, true)) OR coalesce(size(r.fact_uuids) <> r.facts, true)
    THEN 'other facts are counted than state '
  WHEN COUNT { MATCH (s)-[twin]->(o) WHERE twin.claim_key = r.claim_key } > 1 THEN 'twice drawn: '
END AS problem WHERE problem IS NOT NULL
RETURN DISTINCT s AS node, problem + type(r) AS problem
LIMIT $limit
