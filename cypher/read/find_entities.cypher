// Entities by uuid or by normalised name, unless only memories that wait to be erased name them.
// mode: read
// param: user_id string - partition
// param: keys list[string] - alias keys
// param: uuids list[string] - uuids
// returns: uuid string, name string, kind string, key string or null, aliases list[string], created_at datetime,
//   merged_into string or null
CALL () {
  UNWIND $keys AS key
  MATCH (:Alias {user_id: $user_id, key: key})-[:REFERS_TO]->(e:Entity)
  RETURN e, key
  UNION ALL
  UNWIND $uuids AS uuid
  MATCH (e:Entity {uuid: uuid}) WHERE e.user_id = $user_id
  RETURN e, null AS key
}
WITH e, key
WHERE EXISTS { MATCH (e)-[:MERGED_INTO]->(:Entity) }
  OR EXISTS { MATCH (e)<-[:REFERS_TO]-(:Alias)<-[:NAMES]-()<-[:PREVIOUS*0..1]-(m:Memory) WHERE (m:Deleting) = false }
RETURN e.uuid AS uuid, e.name AS name, e.kind AS kind, key,
  [(a:Alias)-[:REFERS_TO]->(e) | a.key] AS aliases, e.created_at AS created_at,
  head([(e)-[:MERGED_INTO*1..]->(t:Entity) WHERE NOT (t)-[:MERGED_INTO]->() | t.uuid]) AS merged_into
