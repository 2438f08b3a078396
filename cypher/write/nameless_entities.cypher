// Things without a name that facts are about, with the names by which those facts call them.
// mode: write
// param: user_id string - partition
// returns: uuid string, name string, kind string, keys list[string], owners list[string] - owners: who states the facts
MATCH (e:Entity)
WHERE e.user_id = $user_id AND NOT EXISTS { (e)<-[:REFERS_TO]-(:Alias) } AND NOT EXISTS { (e)-[:MERGED_INTO]->() }
MATCH (e)<-[side:SUBJECT|OBJECT]-(f:Fact)<-[:STATES]-(o)
RETURN e.uuid AS uuid, e.name AS name, e.kind AS kind, collect(DISTINCT side.name_key) AS keys, collect(DISTINCT o.uuid) AS owners
