// Every memory that a leg found, itself or by a fact it states, and the two messages either side of it; scope checked.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: noise boolean - whether trivial memories are found too
// param: as_of datetime or null - only what had occurred by then is in time
// param: known_at datetime or null - only what was stored by then is in time
// param: memory_uuids list[string] - memories found
// param: fact_uuids list[string] - facts found
// returns: found list[map] with facts, near list[map] with neighbours: the messages among them and those round them
CALL () {
  UNWIND $memory_uuids AS uuid
  MATCH (m:Memory {uuid: uuid})
  RETURN m, null AS fact
  UNION ALL
  UNWIND $fact_uuids AS uuid
  MATCH (f:Fact {uuid: uuid})<-[:STATES]-(m:Memory)
  WHERE f.expired_at IS NULL
  RETURN m, uuid AS fact
}
WITH m, collect(fact) AS facts
WHERE m.user_id = $user_id AND NOT m:Deleting AND ($noise OR NOT m.noise)
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
WITH collect(m) AS memories,
  collect({uuid: m.uuid, content_hash: m.content_hash, occurred_ms: m.occurred_at.epochMillis,
    in_time: ($as_of IS NULL OR m.occurred_at <= $as_of) AND ($known_at IS NULL OR m.created_at <= $known_at),
    project: m.project, speaker: m.speaker, facts: facts}) AS found
CALL (memories) {
  UNWIND memories AS message
  WITH message WHERE message.kind = 'message'
  MATCH (message)-[:NEXT*0..2]-(m:Memory)
  WITH DISTINCT m
  WHERE m.user_id = $user_id AND NOT m:Deleting AND ($noise OR NOT m.noise)
    AND ($agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($run_id IS NULL OR m.run_id = $run_id)
    AND ($project IS NULL OR m.project = $project)
  RETURN collect({uuid: m.uuid, content_hash: m.content_hash, occurred_ms: m.occurred_at.epochMillis,
    in_time: ($as_of IS NULL OR m.occurred_at <= $as_of) AND ($known_at IS NULL OR m.created_at <= $known_at),
    project: m.project, speaker: m.speaker, neighbours: [(m)-[:NEXT*1..2]-(n:Memory) | n.uuid]}) AS near
}
RETURN found, near
