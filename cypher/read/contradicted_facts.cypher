// Which of some facts are contradicted by another current one within a scope: an opposite of the same things.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: uuids list[string] - the facts
// param: opposites list[list[string]] - pairs of predicates that contradict each other; NOT_X is one to X always
// param: now datetime - instant in valid time, UTC
// param: top_k integer - most of each fact
// returns: uuid string, found integer, by list[{uuid string, statement string, valid_at datetime}] - newest first; found
//   counts all
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
CALL (f) {
  UNWIND [pair IN $opposites WHERE pair[0] = f.predicate | pair[1]] +
    [CASE WHEN f.predicate STARTS WITH 'NOT_' THEN substring(f.predicate, 4) ELSE 'NOT_' + f.predicate END] AS negated
  CALL (f, negated) {
    MATCH (o:Fact {user_id: $user_id, subject_uuid: f.subject_uuid, predicate: negated, object_uuid: f.object_uuid})
    RETURN o
    UNION ALL
    UNWIND CASE WHEN f.object_uuid IS NULL THEN [negated] ELSE [] END AS unrelated
    MATCH (o:Fact {user_id: $user_id, subject_uuid: f.subject_uuid, predicate: unrelated})
    RETURN o
  }
  WITH o WHERE o.object_key = f.object_key AND o.scope = f.scope AND o.expired_at IS NULL
    AND o.valid_at <= $now AND (o.invalid_at IS NULL OR o.invalid_at > $now)
  MATCH (m:Memory)-[:STATES]->(o)
  WHERE (m:Deleting) = false
    AND ($agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($run_id IS NULL OR m.run_id = $run_id)
    AND ($project IS NULL OR m.project = $project)
  WITH DISTINCT o ORDER BY o.seq DESC
  WITH collect(o) AS others
  RETURN size(others) AS found, [o IN others[..$top_k] | o {.uuid, .statement, .valid_at}] AS by
}
WITH uuid, found, by WHERE found > 0
RETURN uuid, found, by
