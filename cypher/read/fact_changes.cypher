// What a write did to facts, in words, and which current ones it left for the caller to settle: on the same subject, with
// the same predicate, or with an opposite one about the same object.
// mode: read
// param: user_id string - partition
// param: stated list[string] - facts that the write stated
// param: others list[string] - facts that it ended or expired
// param: opposites list[list[string]] - pairs of predicates that contradict each other; NOT_X is one to X always
// param: now datetime - instant in valid time, UTC
// param: top_k integer - most facts to settle
// returns: facts list[{uuid string, statement string, valid_at datetime, invalid_at datetime or null}]
// returns: to_settle list[{uuid string, statement string, valid_at datetime, predicate string, subject string, why
//   string}] - opposites first, then the newest; why is "opposite" or "same subject"
CALL () {
  UNWIND $stated + $others AS uuid
  MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
  RETURN collect(f {.uuid, .statement, .valid_at, .invalid_at}) AS facts
}
CALL () {
  UNWIND $stated AS uuid
  MATCH (n:Fact {uuid: uuid}) WHERE n.user_id = $user_id AND n.subject_uuid IS NOT NULL
  WITH collect(n) AS news, collect(n.claim_key) AS claims
  UNWIND news AS n
  CALL (n) {
    MATCH (f:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: n.predicate})
    RETURN f, 'same subject' AS why
    UNION
    UNWIND [pair IN $opposites WHERE pair[0] = n.predicate | pair[1]] +
      [CASE WHEN n.predicate STARTS WITH 'NOT_' THEN substring(n.predicate, 4) ELSE 'NOT_' + n.predicate END] AS negated
    MATCH (f:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: negated})
    WHERE f.object_key = n.object_key
    RETURN f, 'opposite' AS why
  }
  WITH n, f, why, claims
  WHERE f.scope = n.scope AND NOT f.uuid IN $stated AND NOT f.claim_key IN claims AND f.expired_at IS NULL
    AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
  MATCH (m:Memory)-[:STATES]->(f) WHERE NOT m:Deleting
  MATCH (f)-[:SUBJECT]->(s:Entity)
  WITH f, s, min(why) AS why ORDER BY why, f.seq DESC LIMIT $top_k
  RETURN collect(f {.uuid, .statement, .valid_at, .predicate, subject: s.name, why: why}) AS to_settle
}
RETURN facts, to_settle
