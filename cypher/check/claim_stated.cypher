// Every relationship that is drawn between two things stands for facts that state it, and is drawn once.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (s:Entity) WHERE ($user_id IS NULL OR s.user_id = $user_id)
CALL (s) {
  MATCH (s)-[r]->(o:Entity) WHERE r.claim_key IS NOT NULL
  WITH o, r.claim_key AS claim_key, collect(r) AS drawn
  WITH drawn, COLLECT {
    MATCH (f:Fact)
    USING INDEX f:Fact(user_id, claim_key)
    WHERE f.user_id = s.user_id AND f.claim_key = claim_key AND f.expired_at IS NULL
      AND f.subject_uuid = s.uuid AND f.object_uuid = o.uuid AND EXISTS { (f)<-[:STATES]-() }
    RETURN f
  } AS facts
  UNWIND drawn AS r
  RETURN r, size(drawn) AS times, [f IN facts WHERE f.predicate = type(r) | f.uuid] AS stating
}
WITH s, r, CASE
  WHEN size(stating) = 0 THEN 'no fact states '
  WHEN any(uuid IN coalesce(r.fact_uuids, [null]) WHERE coalesce(NOT uuid IN stating, true)) OR coalesce(size(r.fact_uuids) <> r.facts, true)
    THEN 'other facts are counted than state '
  WHEN times > 1 THEN 'twice drawn: '
END AS problem WHERE problem IS NOT NULL
RETURN DISTINCT s AS node, problem + type(r) AS problem
LIMIT $limit
