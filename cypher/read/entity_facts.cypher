// Facts about one entity, both ways, each with the memory that states it.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: entity_uuid string - the entity
// param: outgoing boolean - facts of which it is the subject
// param: incoming boolean - facts of which it is the object
// param: at datetime - instant in valid time, UTC
// param: all boolean - facts that do not hold at that instant too
// param: history boolean - facts that an update expired too
// param: top_k integer - most rows returned
// returns: fact map
// order: valid_at descending, seq descending
CALL () {
  MATCH (f:Fact) WHERE $outgoing AND f.user_id = $user_id AND f.subject_uuid = $entity_uuid AND f.predicate >= ''
  RETURN f, 'out' AS direction
  UNION ALL
  MATCH (f:Fact) WHERE $incoming AND f.user_id = $user_id AND f.object_uuid = $entity_uuid
  RETURN f, 'in' AS direction
}
WITH f, direction
WHERE ($history OR f.expired_at IS NULL)
  AND ($all OR (f.valid_at <= $at AND (f.invalid_at IS NULL OR f.invalid_at > $at)))
MATCH (m:Memory)-[:PREVIOUS*0..1]->(owner)-[:STATES]->(f)
WHERE NOT m:Deleting
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
WITH f, direction, m ORDER BY f.valid_at DESC, f.seq DESC LIMIT $top_k
OPTIONAL MATCH (f)-[:SUBJECT]->(s:Entity)
OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
RETURN f {.*, direction: direction, subject: s.name, object: coalesce(o.name, f.object_value), memory_uuid: m.uuid,
  memory_project: m.project, memory_created_at: m.created_at, memory_occurred_at: m.occurred_at,
  replaced_by: [(f)-[d:SUPERSEDED_BY]->(n:Fact) WHERE d.undone_at IS NULL AND n.expired_at IS NULL
      AND NOT EXISTS { MATCH (n)<-[:STATES]-(:Deleting) } |
    {id: n.uuid, statement: n.statement, kind: d.kind, at: d.at, reason: d.reason}]} AS fact
ORDER BY fact.valid_at DESC, fact.seq DESC
