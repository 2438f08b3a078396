// The entities that any of some alias keys stands for, for the new names that these are other spellings of.
// mode: read
// param: user_id string - partition
// param: names list[map] - uuid: a new entity; keys: alias keys that would be the same name
// returns: namesakes list[{new string, uuid string, name string, kind string, aliases list[string]}] - by new and uuid
UNWIND $names AS wanted
UNWIND wanted.keys AS key
MATCH (:Alias {user_id: $user_id, key: key})-[:REFERS_TO]->(e:Entity)
WHERE e.uuid <> wanted.uuid
  AND EXISTS { MATCH (e)<-[:REFERS_TO]-(:Alias)<-[:NAMES]-()<-[:PREVIOUS*0..1]-(m:Memory) WHERE (m:Deleting) = false }
WITH DISTINCT wanted.uuid AS new, e
ORDER BY new, e.uuid
RETURN collect(e {new: new, .uuid, .name, .kind, aliases: [(a:Alias)-[:REFERS_TO]->(e) | a.key]}) AS namesakes
