// Facts to draw, the last stored first: all of a scope, or those about some entities. Each comes with the memory that
// states it and with what replaced it, as was known then. What replaced a fact shows its words only within the scope.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: uuids list[string] or null - only facts about these entities; null: all
// param: known_at datetime or null - instant of knowledge, UTC, at which a fact counts as replaced; null is now
// param: history boolean - facts that an update expired too
// param: top_k integer - most rows returned
// returns: uuid string, statement string, predicate string, subject_uuid string or null, object_uuid string or null,
//   object_value string or null, because string or null, revisit_when string or null, claim_key string, origin string,
//   created_at datetime, expired_at datetime or null, memory_uuid string
// returns: replaced_by list[{id string, kind string, at datetime, statement string or null, reason string or null, judge
//   string}] - oldest decision first
// order: seq descending
// instants: created_at, expired_at, at
CALL () {
  MATCH (m:Memory) WHERE m.user_id = CASE WHEN $uuids IS NULL THEN $user_id END AND m.seq >= 0
  MATCH (m)-[:PREVIOUS*0..1]->()-[:STATES]->(f:Fact)
  RETURN f, m
  UNION ALL
  UNWIND coalesce($uuids, []) AS uuid
  CALL (uuid) {
    MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = uuid AND f.predicate >= ''
    RETURN f
    UNION
    MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = uuid
    RETURN f
  }
  MATCH (m:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(f)
  RETURN f, m
}
WITH DISTINCT f, m
WHERE (m:Deleting) = false AND ($history OR f.expired_at IS NULL)
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
WITH f, m ORDER BY f.seq DESC LIMIT $top_k
CALL (f) {
  MATCH (f)-[d:SUPERSEDED_BY]->(n:Fact)<-[:STATES]-()<-[:PREVIOUS*0..1]-(by:Memory)
  WHERE (by:Deleting) = false AND coalesce(d.at <= $known_at AND n.created_at <= $known_at, true)
    AND coalesce(d.undone_at > $known_at, d.undone_at IS NULL)
    AND coalesce(n.expired_at > $known_at, n.expired_at IS NULL)
  WITH d, n, ($agent_id IS NULL OR coalesce(by.agent_id = $agent_id, false))
    AND ($run_id IS NULL OR coalesce(by.run_id = $run_id, false))
    AND ($project IS NULL OR coalesce(by.project = $project, false)) AS seen
  ORDER BY d.at
  RETURN collect({id: n.uuid, kind: d.kind, at: toStringOrNull(d.at), statement: CASE WHEN seen THEN n.statement END,
    reason: CASE WHEN seen THEN d.reason END, judge: d.judge}) AS replaced_by
}
RETURN f.uuid AS uuid, f.statement AS statement, f.predicate AS predicate, f.subject_uuid AS subject_uuid,
  f.object_uuid AS object_uuid, f.object_value AS object_value, f.because AS because, f.revisit_when AS revisit_when,
  f.claim_key AS claim_key, f.origin AS origin, toStringOrNull(f.created_at) AS created_at,
  toStringOrNull(f.expired_at) AS expired_at, m.uuid AS memory_uuid, replaced_by
ORDER BY f.seq DESC
