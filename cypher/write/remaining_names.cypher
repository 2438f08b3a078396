// The names and kinds by which entities are still mentioned, the most used name first; for a merged entity its own names.
// mode: write
// param: uuids list[string] - the entities
// returns: uuid string, names list[string], kinds list[string]
UNWIND $uuids AS uuid
MATCH (e:Entity {uuid: uuid})
CALL (e) {
  MATCH (a:Alias)-[:REFERS_TO]->(e)
  RETURN a
  UNION
  MATCH (e)-[merge:MERGED_INTO]->(:Entity)
  UNWIND merge.keys AS key
  MATCH (a:Alias {user_id: e.user_id, key: key})
  RETURN a
}
MATCH (a)<-[n:NAMES]-()
WITH uuid, n.name AS name, count(*) AS uses, collect(DISTINCT n.kind) AS kinds
ORDER BY uuid, uses DESC, name
WITH uuid, collect(name) AS names, collect(kinds) AS nested
RETURN uuid, names, reduce(all = [], k IN nested | all + k) AS kinds
