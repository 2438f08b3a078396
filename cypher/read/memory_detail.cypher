// One memory with its facts, what replaced them, its versions and the messages around it.
// mode: read
// param: user_id string - partition
// param: uuid string - the memory
// returns: memory map, facts list[map], versions list[map], previous string or null, next string or null
MATCH (m:Memory {uuid: $uuid})
WHERE m.user_id = $user_id AND NOT m:Deleting
CALL (m) {
  MATCH (m)-[:STATES]->(f:Fact)
  OPTIONAL MATCH (f)-[:SUBJECT]->(s:Entity)
  OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
  WITH f, s, o,
    [(f)-[d:SUPERSEDED_BY]->(n:Fact) WHERE d.undone_at IS NULL AND n.expired_at IS NULL
      AND NOT EXISTS { MATCH (n)<-[:STATES]-(:Deleting) } |
      {id: n.uuid, statement: n.statement, kind: d.kind, at: d.at, reason: d.reason, judge: d.judge}] AS replaced_by
  ORDER BY f.seq
  RETURN collect(f {.*, subject: s.name, object: coalesce(o.name, f.object_value), replaced_by: replaced_by}) AS facts
}
CALL (m) {
  MATCH (m)-[:PREVIOUS]->(v:MemoryVersion)
  WITH v, [(v)-[:STATES]->(f:Fact) | f {.uuid, .statement, .valid_at, .expired_at}] AS stated
  ORDER BY v.replaced_at DESC
  RETURN collect(v {.uuid, .text, .metadata, .occurred_at, .created_at, .replaced_at, facts: stated}) AS versions
}
RETURN m {.*} AS memory, facts, versions,
  head([(p:Memory)-[:NEXT]->(m) | p.uuid]) AS previous, head([(m)-[:NEXT]->(n:Memory) | n.uuid]) AS next
