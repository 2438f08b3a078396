// One memory with its facts, what replaced them, its newest versions and the messages around it.
// mode: read
// param: user_id string - partition
// param: uuid string - the memory
// param: facts_top_k integer - most facts returned, the first stated ones; of each version too
// param: versions_top_k integer - most versions returned, the newest
// returns: memory Memory
// returns: facts list[Fact + {subject string or null, object string or null, replaced_by list[{id string, statement
//   string, kind string, at datetime, reason string or null, judge string or null}]}]
// returns: facts_count integer
// returns: versions list[{uuid string, text string, metadata string, occurred_at datetime, created_at datetime,
//   replaced_at datetime, facts list[{uuid string, statement string, valid_at datetime, expired_at datetime or null}],
//   facts_count integer}] - newest first
// returns: versions_count integer
// returns: previous string or null, next string or null
MATCH (m:Memory {uuid: $uuid})
WHERE m.user_id = $user_id AND (m:Deleting) = false
WITH m, m {.*} AS memory // before its facts: what is said to be read shows what was read in it
CALL (m) {
  MATCH (m)-[:STATES]->(f:Fact)
  WITH f ORDER BY f.seq LIMIT $facts_top_k
  OPTIONAL MATCH (f)-[:SUBJECT]->(s:Entity)
  OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
  CALL (f) {
    MATCH (n:Fact {uuid: f.followed_by})
    RETURN collect({id: n.uuid, statement: n.statement, kind: 'followed', at: n.created_at}) AS following
  }
  WITH f, s, o, following +
    [(f)-[d:SUPERSEDED_BY]->(n:Fact) WHERE d.undone_at IS NULL AND n.expired_at IS NULL
      AND NOT EXISTS { MATCH (n)<-[:STATES]-(:Deleting) } |
      {id: n.uuid, statement: n.statement, kind: d.kind, at: d.at, reason: d.reason, judge: d.judge}] AS replaced_by
  ORDER BY f.seq
  RETURN collect(f {.*, subject: s.name, object: coalesce(f.object_value, o.name), replaced_by: replaced_by}) AS facts
}
CALL (m) {
  MATCH (m)-[:PREVIOUS]->(v:MemoryVersion)
  WITH v ORDER BY v.replaced_at DESC LIMIT $versions_top_k
  WITH v, [(v)-[:STATES]->(f:Fact) | f {.uuid, .statement, .valid_at, .expired_at}] AS stated
  ORDER BY v.replaced_at DESC
  RETURN collect(v {.uuid, .text, .metadata, .occurred_at, .created_at, .replaced_at, facts: stated[..$facts_top_k],
    facts_count: size(stated)}) AS versions
}
CALL (m) {
  OPTIONAL MATCH (m)-[:NEXT]->(first:Memory) ((gone:Deleting)-[:NEXT]->(after:Memory)){0,} (n:Memory)
  WHERE (n:Deleting) = false
  RETURN head(collect(n.uuid)) AS next
}
CALL (m) {
  OPTIONAL MATCH (m)<-[:NEXT]-(last:Memory) ((gone:Deleting)<-[:NEXT]-(before:Memory)){0,} (p:Memory)
  WHERE (p:Deleting) = false
  RETURN head(collect(p.uuid)) AS previous
}
RETURN memory, facts, COUNT { (m)-[:STATES]->(:Fact) } AS facts_count, versions,
  COUNT { (m)-[:PREVIOUS]->(:MemoryVersion) } AS versions_count, previous, next
