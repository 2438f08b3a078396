// Remove an entity, what was merged into it, its facts and its names, and leave the texts that contain it.
// mode: write
// param: user_id string - partition
// param: entity_uuid string - the entity
MATCH (e:Entity {uuid: $entity_uuid}) WHERE e.user_id = $user_id
CALL (e) {
  MATCH (e)<-[:SUBJECT|OBJECT]-(f:Fact)
  WITH DISTINCT f
  DETACH DELETE f
}
CALL (e) {
  MATCH (merged:Entity)-[:MERGED_INTO*0..]->(e)
  WITH DISTINCT merged
  OPTIONAL MATCH (a:Alias)-[:REFERS_TO]->(merged)
  DETACH DELETE a, merged
}
