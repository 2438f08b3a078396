// How many facts about an entity do not hold at an instant. Without an instant of knowledge only those are looked at that
// have not begun or have ended.
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
  WITH CASE WHEN $known_at IS NULL AND $outgoing THEN $entity_uuid END AS asked
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = asked AND f.valid_at > $at
  RETURN f
  UNION
  WITH CASE WHEN $known_at IS NULL AND $outgoing THEN $entity_uuid END AS asked
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = asked AND f.invalid_at <= $at
  RETURN f
  UNION
  WITH CASE WHEN $known_at IS NULL AND $incoming THEN $entity_uuid END AS asked
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = asked AND f.valid_at > $at
  RETURN f
  UNION
  WITH CASE WHEN $known_at IS NULL AND $incoming THEN $entity_uuid END AS asked
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = asked AND f.invalid_at <= $at
  RETURN f
  UNION
  WITH CASE WHEN $known_at IS NOT NULL AND $outgoing THEN $entity_uuid END AS asked
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = asked AND f.predicate >= ''
  RETURN f
  UNION
  WITH CASE WHEN $known_at IS NOT NULL AND $incoming THEN $entity_uuid END AS asked
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = asked
  RETURN f
}
WITH f
WHERE coalesce(f.created_at <= $known_at, true)
  AND (f.expired_at IS NULL OR coalesce(f.expired_at > $known_at, false))
  AND ($known_at IS NULL OR NOT f.valid_at <= $at)
MATCH (m:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(f)
WHERE (m:Deleting) = false
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
RETURN count(f) AS hidden
