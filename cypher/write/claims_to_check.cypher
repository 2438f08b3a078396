// Facts as a recomputation needs them, and the relationships that are drawn of their claims now.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the facts
// param: now datetime - what ended before it may still be drawn, and is left out; UTC
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string, object_key string, valid_at datetime, invalid_at datetime or null}]
// returns: drawn list[{claim_key string, type string, statement string, facts integer, fact_uuids list[string],
//   because string or null, revisit_when string or null, project string or null, version string or null,
//   valid_at datetime, invalid_at datetime or null, user_id string}]
CALL () {
  UNWIND $uuids AS uuid
  MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id AND f.expired_at IS NULL
  RETURN collect(f) AS found
}
CALL (found) {
  UNWIND found AS f
  WITH DISTINCT f.claim_key AS claim_key, f.subject_uuid AS subject_uuid, f.object_uuid AS object_uuid
  MATCH (s:Entity {uuid: subject_uuid})-[r]->(o:Entity {uuid: object_uuid})
  WHERE r.claim_key = claim_key AND (r.invalid_at IS NULL OR r.invalid_at > $now)
  RETURN collect({claim_key: claim_key, type: type(r), statement: r.statement, facts: r.facts,
    fact_uuids: r.fact_uuids, because: r.because, revisit_when: r.revisit_when, project: r.project, version: r.version,
    valid_at: r.valid_at, invalid_at: r.invalid_at, user_id: r.user_id}) AS drawn
}
RETURN [f IN found | f {.uuid, .scope, .subject_uuid, .object_uuid, .object_key, .predicate, .claim_key, .valid_at,
  .invalid_at}] AS facts, drawn
