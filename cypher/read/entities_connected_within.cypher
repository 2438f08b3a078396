// The most connected entities of a scope, by the facts of its newest memories that held. These memories are found by run,
// else by project, else by agent: what is narrower comes first. A lookup for null finds nothing.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: at datetime - instant in valid time, UTC
// param: newest_top_k integer - most memories looked at
// param: top_k integer - most entities returned
// returns: entities list[{uuid string, degree integer}], looked_at integer
// order: degree descending, uuid
CALL () {
  CALL () {
    MATCH (m:Memory) WHERE m.user_id = $user_id AND m.run_id = $run_id AND m.seq >= 0
    WITH m ORDER BY m.user_id DESC, m.run_id DESC, m.seq DESC LIMIT $newest_top_k
    RETURN m
    UNION ALL
    MATCH (m:Memory)
    WHERE m.user_id = $user_id AND m.project = CASE WHEN $run_id IS NULL THEN $project END AND m.seq >= 0
    WITH m ORDER BY m.user_id DESC, m.project DESC, m.seq DESC LIMIT $newest_top_k
    RETURN m
    UNION ALL
    MATCH (m:Memory)
    WHERE m.user_id = $user_id AND m.agent_id = CASE WHEN $run_id IS NULL AND $project IS NULL THEN $agent_id END
      AND m.seq >= 0
    WITH m ORDER BY m.user_id DESC, m.agent_id DESC, m.seq DESC LIMIT $newest_top_k
    RETURN m
  }
  RETURN collect(m) AS newest
}
CALL (newest) {
  UNWIND newest AS m
  WITH m
  WHERE (m:Deleting) = false AND ($agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($project IS NULL OR m.project = $project)
  MATCH (m)-[:STATES]->(f:Fact)-[:SUBJECT|OBJECT]->(e:Entity)
  WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
  WITH e.uuid AS uuid, count(DISTINCT f) AS degree ORDER BY degree DESC, uuid LIMIT $top_k
  RETURN collect({uuid: uuid, degree: degree}) AS entities
}
RETURN entities, size(newest) AS looked_at
