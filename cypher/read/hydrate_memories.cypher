// Memories as an answer shows them: text, versions where asked for, and their facts with what replaced them.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - the memories
// param: history boolean - versions and the facts that updates expired too
// returns: memories list[map] of memory, facts and versions
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id AND NOT m:Deleting
CALL (m) {
  MATCH (m)-[:PREVIOUS*0..1]->(owner)-[:STATES]->(f:Fact)
  WHERE $history OR f.expired_at IS NULL
  WITH f, [(f)-[d:SUPERSEDED_BY]->(n:Fact) WHERE d.undone_at IS NULL AND n.expired_at IS NULL
      AND NOT EXISTS { MATCH (n)<-[:STATES]-(:Deleting) } |
    {id: n.uuid, statement: n.statement, kind: d.kind, at: d.at, reason: d.reason}] AS replaced_by
  ORDER BY f.seq
  RETURN collect(f {.uuid, .statement, .because, .revisit_when, .valid_at, .invalid_at,
    replaced_by: replaced_by}) AS facts
}
CALL (m) {
  MATCH (m)-[:PREVIOUS]->(v:MemoryVersion) WHERE $history
  WITH v ORDER BY v.created_at
  RETURN collect(v {.text, .metadata, .occurred_at, .created_at, .replaced_at}) AS versions
}
RETURN collect({memory: m {.uuid, .text, .metadata, .kind, .role, .speaker, .project, .agent_id, .run_id, .noise,
  .occurred_at, .created_at, .updated_at, .last_recalled_at, .user_id, .extraction, .recall_count, .content_hash},
  facts: facts, versions: versions}) AS memories
