// What facts name and what they are bound to, with the things that stand in either place.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the facts
// returns: uuid string, scope string, predicate string, statement string, object_value string or null
// returns: version string or null - of the object
// returns: subject_uuid string or null, object_uuid string or null
// returns: sides list[{type string, name_key string or null, bound_uuid string or null, root string or null, keys list[string]}]
//   - what it is bound to; root is what that was merged into, null for what belongs to another user
// returns: named list[{bound_uuid string, root string, keys list[string]}] - the things that it names and that stand
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
CALL (f) {
  MATCH (f)-[side:SUBJECT|OBJECT]->(e:Entity)
  OPTIONAL MATCH (e)-[:MERGED_INTO]->{0,50}(root:Entity)
  WHERE root.user_id = $user_id AND NOT EXISTS { (root)-[:MERGED_INTO]->() }
  WITH side, e, head(collect(root)) AS root
  RETURN collect({type: type(side), name_key: side.name_key, bound_uuid: e.uuid, root: root.uuid,
    keys: [(a:Alias)-[:REFERS_TO]->(root) | a.key]}) AS sides
}
CALL (f) {
  UNWIND [f.subject_uuid, f.object_uuid] AS named_uuid
  MATCH (e:Entity {uuid: named_uuid})-[:MERGED_INTO]->{0,50}(root:Entity)
  WHERE root.user_id = $user_id AND NOT EXISTS { (root)-[:MERGED_INTO]->() }
  RETURN collect({bound_uuid: e.uuid, root: root.uuid, keys: [(a:Alias)-[:REFERS_TO]->(root) | a.key]}) AS named
}
RETURN f.uuid AS uuid, f.scope AS scope, f.predicate AS predicate, f.statement AS statement, f.object_value AS object_value, f.version AS version,
  f.subject_uuid AS subject_uuid, f.object_uuid AS object_uuid, sides, named
