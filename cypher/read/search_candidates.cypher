// Every memory that a leg found, itself or by a fact it states, and its neighbours in the conversation; scope checked.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: memory_uuids list[string] - memories found
// param: fact_uuids list[string] - facts found
// returns: uuid string, content_hash string, occurred_at datetime, created_at datetime, project string or null, speaker string or null, neighbours list[string], facts list[string]
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
CALL (m) {
  OPTIONAL MATCH (m)-[:NEXT]-(n:Memory)
  RETURN collect(n) AS nearby
}
WITH collect({m: m, facts: facts}) AS found, collect(nearby) AS nested
WITH found, reduce(flat = [], ns IN nested | flat + ns) AS nearby
UNWIND found + [n IN nearby | {m: n, facts: []}] AS entry
WITH entry.m AS m, reduce(flat = [], fs IN collect(entry.facts) | flat + fs) AS facts
WHERE m.user_id = $user_id AND NOT m:Deleting AND NOT m.noise
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
RETURN m.uuid AS uuid, m.content_hash AS content_hash, m.occurred_at AS occurred_at, m.created_at AS created_at,
  m.project AS project, m.speaker AS speaker, [(m)-[:NEXT]-(n:Memory) | n.uuid] AS neighbours, facts
