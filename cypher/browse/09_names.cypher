// By which names things go, and which memories call them so.
// mode: read
// param: user_id string - whose memories
// returns: m node - a memory
// returns: names relationship - it uses this name
// returns: a node - the name
// returns: refers relationship - from the name to the thing
// returns: e node - the thing
MATCH (m:Memory)-[names:NAMES]->(a:Alias)-[refers:REFERS_TO]->(e:Entity)
WHERE m.user_id = $user_id AND m.seq >= 0 AND NOT m:Deleting
RETURN m, names, a, refers, e LIMIT 100
