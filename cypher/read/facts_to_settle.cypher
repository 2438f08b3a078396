// Current facts that touch the subject and predicate of new ones without saying the same, newest first.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - the new facts
// param: now datetime - instant in valid time, UTC
// param: top_k integer - most rows returned
// returns: uuid string, statement string, valid_at datetime, predicate string, subject string
MATCH (n:Fact) WHERE n.uuid IN $uuids AND n.user_id = $user_id AND n.subject_uuid IS NOT NULL
WITH DISTINCT n.subject_uuid AS subject_uuid, n.predicate AS predicate, n.scope AS scope,
  collect(n.claim_key) AS claims
MATCH (f:Fact {user_id: $user_id, subject_uuid: subject_uuid, predicate: predicate})
WHERE f.scope = scope AND NOT f.uuid IN $uuids AND NOT f.claim_key IN claims AND f.expired_at IS NULL
  AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
MATCH (m:Memory)-[:STATES]->(f) WHERE NOT m:Deleting
MATCH (f)-[:SUBJECT]->(s:Entity)
WITH f, s ORDER BY f.seq DESC LIMIT $top_k
RETURN f.uuid AS uuid, f.statement AS statement, f.valid_at AS valid_at, f.predicate AS predicate, s.name AS subject
