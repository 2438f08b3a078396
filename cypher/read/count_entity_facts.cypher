// How many facts about an entity do not hold at an instant.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: entity_uuid string - the entity
// param: outgoing boolean - facts of which it is the subject
// param: incoming boolean - facts of which it is the object
// param: at datetime - instant in valid time, UTC
// param: known_at datetime or null - instant of knowledge, UTC, at which a fact stood, whatever ended it; null is now
// returns: hidden integer
CALL () {
  MATCH (f:Fact) WHERE $outgoing AND f.user_id = $user_id AND f.subject_uuid = $entity_uuid AND f.predicate >= ''
  RETURN f
  UNION
  MATCH (f:Fact) WHERE $incoming AND f.user_id = $user_id AND f.object_uuid = $entity_uuid
  RETURN f
}
WITH f
WHERE coalesce(f.created_at <= $known_at, true)
  AND (f.expired_at IS NULL OR coalesce(f.expired_at > $known_at, false))
  AND NOT (f.valid_at <= $at AND ($known_at IS NOT NULL OR f.invalid_at IS NULL OR f.invalid_at > $at))
MATCH (m:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(f)
WHERE NOT m:Deleting
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
RETURN count(f) AS hidden
