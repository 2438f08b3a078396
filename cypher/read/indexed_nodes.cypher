// What the points of some nodes should say, in order; to compare the index with the graph. A bound of null finds nothing:
// asked by itself, the label would be compared only after every node of the others was read.
// mode: read
// param: label string - Memory, Fact or Entity
// param: after string - only nodes with a greater uuid
// param: top_k integer - most rows returned
// returns: nodes list[{uuid string, user_id string, kind string, text string, terms string or null, user_key
//   string or null, content_hash string or null, waiting boolean, agent_id string or null, run_id string or null, project string or null, metadata string
//   or null, valid_at datetime or null, invalid_at datetime or null, owner string or null, form string or null, speaker
//   string or null, noise boolean, earlier list[{uuid string, text string}]}] - only those that have points
// returns: last string or null - where to go on; null at the end
// order: uuid
CALL () {
  MATCH (n:Memory) WHERE n.uuid > CASE $label WHEN 'Memory' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Fact) WHERE n.uuid > CASE $label WHEN 'Fact' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
  UNION ALL
  MATCH (n:Entity) WHERE n.uuid > CASE $label WHEN 'Entity' THEN $after END RETURN n ORDER BY n.uuid LIMIT $top_k
}
OPTIONAL MATCH (m:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(n)
WITH n, m, coalesce(m, n) AS owner ORDER BY n.uuid
CALL (n) {
  MATCH path = (earlier:Memory)-[:NEXT*1..2]->(n)
  WHERE n.kind = 'message' AND (earlier:Deleting) = false
  WITH earlier ORDER BY length(path) DESC
  RETURN collect(earlier {.uuid, .text}) AS earlier
}
RETURN collect(CASE WHEN n:Deleting OR owner:Deleting OR n.expired_at IS NOT NULL THEN null ELSE
  n {.uuid, .user_id, .invalid_at, .terms, .user_key, .content_hash, valid_at: coalesce(n.valid_at, n.occurred_at),
    kind: toLower($label), text: coalesce(n.text, n.statement, n.name), waiting: n:Unindexed,
    owner: m.uuid, form: CASE WHEN n:Memory THEN n.kind END,
    speaker: n.speaker, noise: coalesce(owner.noise, false), earlier: earlier,
    agent_id: owner.agent_id, run_id: owner.run_id, project: owner.project, metadata: owner.metadata}
  END) AS nodes, max(n.uuid) AS last
