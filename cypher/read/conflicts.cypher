// What was decided between facts, newest first, and facts with opposite predicates that both hold.
// mode: read
// param: user_id string - partition
// param: project string or null - only this project's
// param: opposites list[list[string]] - pairs of predicates that contradict each other, in both orders; NOT_X is one to X
// param: now datetime - instant in valid time, UTC
// param: top_k integer - most of each
// returns: open list[{one {uuid string, statement string, valid_at datetime, project string or null}, other {uuid
//   string, statement string, valid_at datetime, project string or null}}]
// returns: decided list[{old {uuid string, statement string, valid_at datetime, project string or null}, new {uuid
//   string, statement string, valid_at datetime, project string or null}, decision Decision}] - newest first
CALL () {
  MATCH (old:Fact)-[d:SUPERSEDED_BY]->(new:Fact)
  WHERE old.user_id = $user_id AND old.claim_key >= '' AND old.expired_at IS NULL AND new.expired_at IS NULL
  MATCH (was:Memory)-[:STATES]->(old)
  MATCH (is:Memory)-[:STATES]->(new)
  WHERE (was:Deleting) = false AND (is:Deleting) = false
    AND ($project IS NULL OR was.project = $project OR is.project = $project)
  WITH old, new, d, was, is ORDER BY d.at DESC LIMIT $top_k
  RETURN collect({old: old {.uuid, .statement, .valid_at, project: was.project},
    new: new {.uuid, .statement, .valid_at, project: is.project}, decision: properties(d)}) AS decided
}
CALL () {
  CALL () {
    UNWIND $opposites AS pair
    WITH pair WHERE pair[0] < pair[1]
    MATCH (one:Fact) WHERE one.user_id = $user_id AND one.subject_uuid >= '' AND one.predicate = pair[0]
    RETURN one, pair[1] AS opposite
    UNION
    MATCH (one:Fact) WHERE one.user_id = $user_id AND one.subject_uuid >= '' AND one.predicate STARTS WITH 'NOT_'
    RETURN one, substring(one.predicate, 4) AS opposite
  }
  WITH one, opposite
  WHERE one.expired_at IS NULL
    AND (one.invalid_at IS NULL OR (one.invalid_at > $now AND one.invalid_at > one.valid_at))
  MATCH (other:Fact {user_id: $user_id, subject_uuid: one.subject_uuid, predicate: opposite})
  WHERE other.scope = one.scope AND other.object_key = one.object_key
    AND other.expired_at IS NULL
    AND (other.invalid_at IS NULL OR (other.invalid_at > $now AND other.invalid_at > other.valid_at))
  MATCH (a:Memory)-[:STATES]->(one)
  MATCH (b:Memory)-[:STATES]->(other)
  WHERE (a:Deleting) = false AND (b:Deleting) = false AND ($project IS NULL OR a.project = $project OR b.project = $project)
  WITH DISTINCT one, other, a, b LIMIT $top_k
  RETURN collect({one: one {.uuid, .statement, .valid_at, project: a.project},
    other: other {.uuid, .statement, .valid_at, project: b.project}}) AS open
}
RETURN open, decided
