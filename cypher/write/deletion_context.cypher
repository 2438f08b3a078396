// What a deletion of memories must know: their facts, their names and their neighbours in conversations.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the memories
// returns: memories list[string], versions integer
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string}]
// returns: keys list[string], entities list[string]
// returns: chain list[{uuid string, previous string, next string}]
CALL () {
  UNWIND $uuids AS uuid
  MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id
  RETURN collect(m) AS gone
}
CALL (gone) {
  UNWIND gone AS m
  OPTIONAL MATCH (m)-[:PREVIOUS]->(v:MemoryVersion)
  RETURN collect(v) AS versions
}
CALL (gone, versions) {
  UNWIND gone + versions AS owner
  MATCH (owner)-[:STATES]->(f:Fact)
  RETURN collect(f) AS facts
}
CALL (gone, versions) {
  UNWIND gone + versions AS owner
  MATCH (owner)-[:NAMES]->(a:Alias)-[:REFERS_TO]->(e:Entity)
  RETURN collect(DISTINCT a.key) AS keys, collect(DISTINCT e.uuid) AS named
}
CALL (gone) {
  UNWIND gone AS m
  OPTIONAL MATCH (previous:Memory)-[:NEXT]->(m)
  OPTIONAL MATCH (m)-[:NEXT]->(next:Memory)
  WITH m, previous, next WHERE previous IS NOT NULL AND next IS NOT NULL
  RETURN collect({uuid: m.uuid, previous: previous.uuid, next: next.uuid}) AS chain
}
WITH gone, versions, facts, keys, chain,
  named + [f IN facts WHERE f.subject_uuid IS NOT NULL | f.subject_uuid]
        + [f IN facts WHERE f.object_uuid IS NOT NULL | f.object_uuid] AS entities
RETURN [m IN gone | m.uuid] AS memories, size(versions) AS versions,
  [f IN facts | f {.uuid, .scope, .subject_uuid, .object_uuid, .predicate, .claim_key}] AS facts,
  keys, entities, chain
