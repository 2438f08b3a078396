// What a deletion of an entity must know: its facts, and the entities that were merged into it.
// mode: write
// param: user_id string - partition
// param: entity_uuid string - the entity
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string}]
// returns: merged list[string]
MATCH (e:Entity {uuid: $entity_uuid}) WHERE e.user_id = $user_id
CALL (e) {
  MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)
  WITH DISTINCT f
  RETURN collect(f {.uuid, .scope, .subject_uuid, .object_uuid, .predicate, .claim_key}) AS facts
}
CALL (e) {
  MATCH (merged:Entity)-[:MERGED_INTO*1..]->(e)
  RETURN collect(DISTINCT merged.uuid) AS merged
}
RETURN facts, merged
