// A version has every property that it needs, each of its type.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (n:MemoryVersion) WHERE ($user_id IS NULL OR n.user_id = $user_id)
WITH n, [p IN [
  {key: 'uuid', sound: n.uuid IS :: STRING NOT NULL},
  {key: 'name', sound: n.name IS :: STRING NOT NULL},
  {key: 'text', sound: n.text IS :: STRING NOT NULL},
  {key: 'metadata', sound: n.metadata IS :: STRING NOT NULL},
  {key: 'occurred_at', sound: n.occurred_at IS :: ZONED DATETIME NOT NULL},
  {key: 'created_at', sound: n.created_at IS :: ZONED DATETIME NOT NULL},
  {key: 'replaced_at', sound: n.replaced_at IS :: ZONED DATETIME NOT NULL}
] WHERE NOT p.sound | p.key] AS unsound
WHERE size(unsound) > 0
RETURN n AS node, 'missing or of the wrong type: ' + reduce(all = unsound[0], k IN unsound[1..] | all + ', ' + k) AS problem
LIMIT $limit
