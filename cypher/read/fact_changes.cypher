// What a write did to facts, in words, and which current ones on the same subject it left for the caller to settle.
// mode: read
// param: user_id string - partition
// param: stated list[string] - facts that the write stated
// param: others list[string] - facts that it ended or expired
// param: now datetime - instant in valid time, UTC
// param: top_k integer - most facts to settle
// returns: facts list[{uuid string, statement string, valid_at datetime, invalid_at datetime or null}]
// returns: to_settle list[{uuid string, statement string, valid_at datetime, predicate string, subject string}] -
//   newest first
CALL () {
  UNWIND $stated + $others AS uuid
  MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
  RETURN collect(f {.uuid, .statement, .valid_at, .invalid_at}) AS facts
}
CALL () {
  UNWIND $stated AS uuid
  MATCH (n:Fact {uuid: uuid}) WHERE n.user_id = $user_id AND n.subject_uuid IS NOT NULL
  WITH DISTINCT n.subject_uuid AS subject_uuid, n.predicate AS predicate, n.scope AS scope,
    collect(n.claim_key) AS claims
  MATCH (f:Fact {user_id: $user_id, subject_uuid: subject_uuid, predicate: predicate})
  WHERE f.scope = scope AND NOT f.uuid IN $stated AND NOT f.claim_key IN claims AND f.expired_at IS NULL
    AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
  MATCH (m:Memory)-[:STATES]->(f) WHERE NOT m:Deleting
  MATCH (f)-[:SUBJECT]->(s:Entity)
  WITH f, s ORDER BY f.seq DESC LIMIT $top_k
  RETURN collect(f {.uuid, .statement, .valid_at, .predicate, subject: s.name}) AS to_settle
}
RETURN facts, to_settle
