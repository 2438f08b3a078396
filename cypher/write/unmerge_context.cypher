// What undoing a merge must know: where the merged names went, and the facts that were stated by them.
// mode: write
// param: user_id string - partition
// param: source string - the merged entity
// returns: root string, keys list[string]
// returns: facts list[{uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate
//   string, claim_key string, object_key string, moves_subject boolean, moves_object boolean}]
MATCH (source:Entity {uuid: $source})-[merged:MERGED_INTO]->(:Entity) WHERE source.user_id = $user_id
MATCH (source)-[:MERGED_INTO*1..]->(root:Entity) WHERE NOT (root)-[:MERGED_INTO]->()
CALL (root, merged) {
  MATCH (f:Fact)-[side:SUBJECT|OBJECT]->(root)
  WHERE side.name_key IN merged.keys
  WITH f, collect(type(side)) AS sides
  RETURN collect(f {.uuid, .scope, .predicate, .subject_uuid, .object_uuid, .object_key, .claim_key,
    moves_subject: 'SUBJECT' IN sides, moves_object: 'OBJECT' IN sides}) AS facts
}
RETURN root.uuid AS root, merged.keys AS keys, facts
