// Remove an entity with its facts and names, and leave the texts that contain it; returns what it touched.
// mode: write
// param: user_id string - partition
// param: entity_uuid string - the entity
// returns: facts list[map], bereaved list[string], entities list[string]
MATCH (e:Entity {uuid: $entity_uuid}) WHERE e.user_id = $user_id
CALL (e) {
  MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)
  RETURN collect(DISTINCT f) AS facts
}
CALL (facts) {
  UNWIND facts AS f
  MATCH (old:Fact)-[:SUPERSEDED_BY]->(f) WHERE NOT old IN facts
  RETURN collect(DISTINCT old.uuid) AS bereaved
}
CALL (e) {
  OPTIONAL MATCH (a:Alias)-[:REFERS_TO]->(e)
  RETURN collect(a) AS aliases
}
CALL (e) {
  OPTIONAL MATCH (merged:Entity)-[:MERGED_INTO*1..]->(e)
  RETURN collect(merged) AS merged
}
WITH e, aliases, merged, facts, bereaved,
  [f IN facts | f {.uuid, .scope, .subject_uuid, .object_uuid, .predicate, .claim_key}] AS rows,
  [m IN merged | m.uuid] AS merged_uuids
FOREACH (f IN facts | DETACH DELETE f)
FOREACH (a IN aliases | DETACH DELETE a)
FOREACH (m IN merged | DETACH DELETE m)
DETACH DELETE e
RETURN rows AS facts, bereaved, merged_uuids AS entities
