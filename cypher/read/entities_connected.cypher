// The most connected entities of which something held: of a whole partition by all that was ever said, of a scope by its
// facts that held.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: at datetime - instant in valid time, UTC
// param: top_k integer - most rows returned
// returns: uuid string, degree integer
// order: degree descending, uuid
CALL () {
  WITH * WHERE $agent_id IS NULL AND $run_id IS NULL AND $project IS NULL
  MATCH (e:Entity) WHERE e.user_id = $user_id
  WITH e, COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() } AS degree WHERE degree > 0
  WITH e, degree ORDER BY degree DESC, e.uuid
  WITH e, degree WHERE EXISTS {
    MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)
    WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
  }
  RETURN e.uuid AS uuid, degree ORDER BY degree DESC, uuid LIMIT $top_k
  UNION ALL
  WITH * WHERE $agent_id IS NOT NULL OR $run_id IS NOT NULL OR $project IS NOT NULL
  MATCH (m:Memory)
  WHERE m.user_id = $user_id AND m.seq >= 0 AND (m:Deleting) = false
    AND ($agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($run_id IS NULL OR m.run_id = $run_id)
    AND ($project IS NULL OR m.project = $project)
  MATCH (m)-[:STATES]->(f:Fact)-[:SUBJECT|OBJECT]->(e:Entity)
  WHERE f.expired_at IS NULL AND f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)
  WITH e.uuid AS uuid, count(DISTINCT f) AS degree
  RETURN uuid, degree ORDER BY degree DESC, uuid LIMIT $top_k
}
RETURN uuid, degree ORDER BY degree DESC, uuid LIMIT $top_k
