// What is known of a person now: preferences, work, places, what they own.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: person string or null = null - a name as it was written; null is the user
// param: limit integer = 200 - most rows
// returns: person string - the name that the graph shows
// returns: relation string - how the person and the other thing belong together
// returns: statement string - the fact in words
// returns: because string or null - why
// returns: since string or null - day from which it holds; empty where nobody said
// returns: project string or null - where it was said
MATCH (a:Alias)-[:REFERS_TO]->(e:Entity)
WHERE a.user_id = $user_id AND a.key >= '' AND toLower(trim(coalesce($person, 'user'))) IN [a.key, toLower(a.name), toLower(e.name)]
WITH DISTINCT e
CALL (e) {
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = e.uuid AND f.predicate >= ''
  RETURN f
  UNION
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = e.uuid
  RETURN f
}
MATCH (m:Memory)-[:STATES]->(f)
WHERE f.expired_at IS NULL AND NOT m:Deleting AND f.valid_at <= $now
  AND (f.invalid_at IS NULL OR f.invalid_at > $now)
WITH e, f.claim_key AS claim, f, m ORDER BY f.seq DESC
WITH e, claim, collect(f)[0] AS f, collect(m.project)[0] AS project
RETURN e.name AS person, f.predicate AS relation, f.statement AS statement, f.because AS because,
  CASE WHEN f.valid_at.year > 1 THEN toString(date(f.valid_at)) END AS since, project
ORDER BY relation, f.valid_at DESC, f.seq DESC LIMIT toInteger($limit)
