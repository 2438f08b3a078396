// A node has the label that its relationships ask for.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
CALL () {
  MATCH (n)-[:STATES|NAMES]->() WHERE NOT n:Memory AND NOT n:MemoryVersion
  RETURN n, CASE WHEN EXISTS { (n)<-[:PREVIOUS]-() } THEN 'MemoryVersion' ELSE 'Memory' END AS label
  UNION
  MATCH (n)-[:PREVIOUS]->() WHERE NOT n:Memory RETURN n, 'Memory' AS label
  UNION
  MATCH ()-[:PREVIOUS]->(n) WHERE NOT n:MemoryVersion RETURN n, 'MemoryVersion' AS label
  UNION
  MATCH ()-[:STATES]->(n) WHERE NOT n:Fact RETURN n, 'Fact' AS label
  UNION
  MATCH ()-[:NAMES]->(n) WHERE NOT n:Alias RETURN n, 'Alias' AS label
  UNION
  MATCH ()-[:REFERS_TO]->(n) WHERE NOT n:Entity RETURN n, 'Entity' AS label
}
WITH n, label WHERE ($user_id IS NULL OR n.user_id = $user_id)
RETURN n AS node, 'its relationships are those of a node with the label ' + label AS problem
LIMIT $limit
