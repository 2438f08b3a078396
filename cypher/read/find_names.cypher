// The entities that alias keys stand for, outside of any write.
// mode: read
// param: user_id string - partition
// param: keys list[string] - alias keys
// returns: key string, uuid string, kind string, undecided boolean
UNWIND $keys AS key
MATCH (a:Alias {user_id: $user_id, key: key})-[:REFERS_TO]->(e:Entity)
RETURN key, e.uuid AS uuid, e.kind AS kind, coalesce(e.undecided, false) AS undecided
