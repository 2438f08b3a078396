// Delete an entity with its facts, its names and the entities that were merged into it; texts that contain it stay.
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
