// What a merge must know: both entities, the names of the source, and its facts.
// mode: write
// param: user_id string - partition
// param: source string - the entity that is to be merged into the other
// param: target string - the entity that stays
// returns: source_root string, target_root string, keys list[string]
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string, object_key string, moves_subject boolean or null, moves_object boolean or null}] - null:
//   the fact has no such side
MATCH (source:Entity {uuid: $source}) WHERE source.user_id = $user_id
MATCH (target:Entity {uuid: $target}) WHERE target.user_id = $user_id
MATCH (source)-[:MERGED_INTO*0..]->(source_root:Entity) WHERE NOT (source_root)-[:MERGED_INTO]->()
MATCH (target)-[:MERGED_INTO*0..]->(target_root:Entity) WHERE NOT (target_root)-[:MERGED_INTO]->()
CALL (source) {
  MATCH (f:Fact)-[:SUBJECT|OBJECT]->(source)
  WITH DISTINCT f
  RETURN collect(f {.uuid, .scope, .predicate, .subject_uuid, .object_uuid, .object_key, .claim_key,
    moves_subject: f.subject_uuid = source.uuid, moves_object: f.object_uuid = source.uuid}) AS facts
}
RETURN source_root.uuid AS source_root, target_root.uuid AS target_root,
  [(a:Alias)-[:REFERS_TO]->(source) | a.key] AS keys, facts
