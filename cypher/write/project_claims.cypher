// Draw each claim that holds, or will, as one typed relationship between its entities, and remove its other ones.
// mode: write
// param: user_id string - partition
// param: claims list[map] - claim_key, subject_uuid, object_uuid, predicate (a checked type)
// param: now datetime - instant of the write, UTC
UNWIND $claims AS claim
MATCH (s:Entity {uuid: claim.subject_uuid})
MATCH (o:Entity {uuid: claim.object_uuid})
CALL (claim, s, o) {
  MATCH (s)-[r:$(claim.predicate)]->(o)
  WHERE r.claim_key = claim.claim_key
  DELETE r
}
CALL (claim) {
  MATCH (f:Fact {user_id: $user_id, claim_key: claim.claim_key})
  WHERE f.expired_at IS NULL AND (f.invalid_at IS NULL OR (f.invalid_at > $now AND f.invalid_at > f.valid_at))
    AND NOT EXISTS { MATCH (f)<-[:STATES]-(:Deleting) }
  WITH f ORDER BY f.seq
  RETURN collect(f) AS facts, collect(DISTINCT f.because) AS reasons, collect(DISTINCT f.revisit_when) AS conditions
}
WITH claim, s, o, facts, reasons, conditions WHERE size(facts) > 0
CREATE (s)-[r:$(claim.predicate)]->(o)
SET r = {claim_key: claim.claim_key, version: facts[-1].version, user_id: $user_id, statement: facts[-1].statement, facts: size(facts),
  fact_uuids: [f IN facts | f.uuid],
  because: reduce(all = reasons[0], reason IN reasons[1..] | all + '; ' + reason),
  revisit_when: reduce(all = conditions[0], condition IN conditions[1..] | all + '; ' + condition),
  project: CASE WHEN facts[0].scope STARTS WITH 'project:' THEN nullIf(substring(facts[0].scope, 8), '') END,
  valid_at: reduce(first = facts[0].valid_at, f IN facts | CASE WHEN f.valid_at < first THEN f.valid_at ELSE first END),
  invalid_at: reduce(last = facts[0].invalid_at, f IN facts | CASE
    WHEN last IS NULL OR f.invalid_at IS NULL THEN null
    WHEN f.invalid_at > last THEN f.invalid_at ELSE last END)}
