// The things that most else is connected with now.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only by facts of this project
// param: limit integer = 50 - most rows
// returns: name string - of the thing
// returns: kind string - Tool, Person, Project, ...
// returns: neighbours integer - other things that a fact in force connects it with
// returns: facts integer - facts in force about it
// returns: share float - neighbours by all other things in the table's graph (degree centrality, 0 to 1)
// returns: projects string or null - where these facts were said
// returns: latest string - day on which the last of them was stored
MATCH (m:Memory)-[:STATES]->(f:Fact)-[:SUBJECT|OBJECT]->(e:Entity)
WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.expired_at IS NULL AND NOT m:Deleting
  AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
  AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~')
WITH e, collect(DISTINCT f) AS facts, collect(DISTINCT m.project) AS projects, max(m.created_at) AS latest
UNWIND facts AS f
OPTIONAL MATCH (f)-[:SUBJECT|OBJECT]->(other:Entity) WHERE other <> e
WITH e, facts, projects, latest, count(DISTINCT other) AS neighbours
WITH collect({e: e, facts: size(facts), projects: projects, latest: latest, neighbours: neighbours}) AS rows
UNWIND rows AS row
RETURN row.e.name AS name, row.e.kind AS kind, row.neighbours AS neighbours, row.facts AS facts,
  CASE WHEN size(rows) > 1 THEN round(toFloat(row.neighbours) / (size(rows) - 1), 3) ELSE 0.0 END AS share,
  nullIf(reduce(all = '', name IN row.projects | CASE WHEN all = '' THEN toString(name) ELSE all + ', ' + toString(name) END), '') AS projects,
  toString(date(row.latest)) AS latest
ORDER BY neighbours DESC, facts DESC, name LIMIT toInteger($limit)
