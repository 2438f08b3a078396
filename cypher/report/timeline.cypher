// One thing through time: every fact about it, when it began and ended, and what took its place.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: entity string - its name, as it was written
// param: limit integer = 500 - most rows
// returns: began string or null - when it began to hold, in UTC; empty where nobody said
// returns: ended string or null - when it ceased to; empty while it holds
// returns: relation string - the predicate
// returns: statement string - the fact in words
// returns: how string or null - superseded, corrected or ended; empty while it holds
// returns: replaced_by string or null - what took its place, where a decision says so
// returns: reason string or null - why, where it was said
// returns: told string - day on which it was stored
// returns: project string or null - where it was said
MATCH (a:Alias)-[:REFERS_TO]->(e:Entity)
WHERE a.user_id = $user_id AND a.key >= '' AND toLower(trim($entity)) IN [a.key, toLower(a.name), toLower(e.name)]
WITH DISTINCT e
CALL (e) {
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = e.uuid AND f.predicate >= ''
  RETURN f
  UNION
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = e.uuid
  RETURN f
}
MATCH (m:Memory)-[:STATES]->(f)
WHERE f.expired_at IS NULL AND NOT m:Deleting
CALL (f) {
  OPTIONAL MATCH (f)-[d:SUPERSEDED_BY]->(n:Fact)<-[:STATES]-(by:Memory)
  WHERE d.undone_at IS NULL AND n.expired_at IS NULL AND NOT by:Deleting
  WITH d, n ORDER BY d.at DESC LIMIT 1
  RETURN d.kind AS decided, n.statement AS replaced_by, d.reason AS reason
}
RETURN CASE WHEN f.valid_at.year > 1 THEN toString(f.valid_at) END AS began, toString(f.invalid_at) AS ended,
  f.predicate AS relation, f.statement AS statement,
  CASE WHEN f.invalid_at IS NOT NULL AND (f.invalid_at <= $now OR decided IS NOT NULL)
    THEN coalesce(decided, 'ended') END AS how,
  replaced_by, reason, toString(date(f.created_at)) AS told, m.project AS project
ORDER BY f.valid_at, f.seq LIMIT toInteger($limit)
