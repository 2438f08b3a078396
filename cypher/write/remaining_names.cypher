// By which names and as which kinds entities are still mentioned, the most used name first.
// mode: write
// param: uuids list[string] - the entities
// returns: uuid string, names list[string], kinds list[string]
UNWIND $uuids AS uuid
MATCH (e:Entity {uuid: uuid})<-[:REFERS_TO]-(:Alias)<-[n:NAMES]-()
WITH uuid, n.name AS name, count(*) AS uses, collect(DISTINCT n.kind) AS kinds
ORDER BY uuid, uses DESC, name
WITH uuid, collect(name) AS names, collect(kinds) AS nested
RETURN uuid, names, reduce(all = [], k IN nested | all + k) AS kinds
