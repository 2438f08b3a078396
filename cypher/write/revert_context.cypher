// What undoing the last update of a memory must know: the state before, what it stated and named, and what is stated
// since.
// mode: write
// param: user_id string - partition
// param: uuid string - the memory
// returns: memory Memory
// returns: version {uuid string, text string, metadata string, occurred_at datetime, replaced_at datetime}
// returns: mentions list[{key string, name string, role string, kind string or null}] - of the version
// returns: former list[Fact + {subject string or null, object string or null}] - facts of the version; subject and object
//   are the alias keys by which they were stated
// returns: since list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string, valid_at datetime, statement string}] - facts that the update stated
// returns: decisions list[{old string, new string, properties Decision}] - about all these facts
MATCH (m:Memory {uuid: $uuid})-[:PREVIOUS]->(version:MemoryVersion)
WHERE m.user_id = $user_id AND (m:Deleting) = false
WITH m, version ORDER BY version.replaced_at DESC LIMIT 1
CALL (version) {
  MATCH (version)-[:STATES]->(f:Fact)
  WITH f ORDER BY f.seq
  RETURN collect(f {.*, subject: head([(f)-[side:SUBJECT]->(:Entity) | side.name_key]),
    object: head([(f)-[side:OBJECT]->(:Entity) | side.name_key])}) AS former
}
CALL (m, version) {
  MATCH (m)-[:STATES]->(f:Fact) WHERE f.created_at >= version.replaced_at
  RETURN collect(f {.uuid, .scope, .subject_uuid, .object_uuid, .predicate, .claim_key, .valid_at, .statement}) AS since
}
CALL (m, version) {
  UNWIND [m, version] AS state
  MATCH (state)-[:STATES]->(:Fact)-[d:SUPERSEDED_BY]-(:Fact)
  WITH DISTINCT d
  RETURN collect({old: startNode(d).uuid, new: endNode(d).uuid, properties: properties(d)}) AS decisions
}
RETURN m {.*} AS memory, version {.uuid, .text, .metadata, .occurred_at, .replaced_at} AS version,
  [(version)-[n:NAMES]->(a:Alias) | {key: a.key, name: n.name, role: n.as, kind: n.kind}] AS mentions,
  former, since, decisions
