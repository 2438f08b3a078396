// All round one thing, the most connected one: put another name in its place.
// mode: read
// param: user_id string - whose memories
// returns: path path - from the thing to its neighbours and theirs
MATCH (e:Entity)-[r]-(:Entity) WHERE e.user_id = $user_id AND e.uuid >= '' AND r.claim_key IS NOT NULL
WITH e.name AS busiest, count(r) AS degree ORDER BY degree DESC, busiest LIMIT 1
MATCH path = (centre:Entity)-[rs*1..2]-(:Entity)
WHERE centre.user_id = $user_id AND centre.uuid >= '' AND centre.name = busiest // or a name: centre.name = 'Redis'
  AND all(r IN rs WHERE r.claim_key IS NOT NULL)
RETURN path LIMIT 300
