// What an extraction replaces: the facts of memories, what was decided of them, and the versions that take them over.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the memories
// returns: uuid string
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string, statement string, because string or null, revisit_when string or null, created_at datetime, valid_at datetime, invalid_at datetime or null}]
// returns: decisions list[{old string, new string, properties Decision}]
// returns: versions list[{uuid string, replaced_at datetime}] - oldest first; only those with another text than the
//   next state
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id
CALL (m) {
  MATCH (m)-[:STATES]->(f:Fact)
  RETURN collect(f {.uuid, .scope, .subject_uuid, .object_uuid, .predicate, .claim_key, .statement, .because, .revisit_when, .created_at,
    .valid_at, .invalid_at}) AS facts
}
CALL (m) {
  MATCH (m)-[:STATES]->(:Fact)-[d:SUPERSEDED_BY]-(:Fact)
  WITH DISTINCT d
  RETURN collect({old: startNode(d).uuid, new: endNode(d).uuid, properties: properties(d)}) AS decisions
}
CALL (m) {
  MATCH (m)-[:PREVIOUS]->(v:MemoryVersion)
  WITH v ORDER BY v.replaced_at
  WITH collect(v) AS states
  RETURN [i IN range(0, size(states) - 1) WHERE states[i].text <> coalesce(states[i + 1].text, m.text) |
    {uuid: states[i].uuid, replaced_at: states[i].replaced_at}] AS versions
}
RETURN m.uuid AS uuid, facts, decisions, versions
