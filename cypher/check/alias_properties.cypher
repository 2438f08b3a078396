// A name has its key, and a spelling.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (n:Alias) WHERE ($user_id IS NULL OR n.user_id = $user_id)
WITH n, [p IN [
  {key: 'key', sound: n.key IS :: STRING NOT NULL},
  {key: 'name', sound: n.name IS :: STRING NOT NULL}
] WHERE NOT p.sound | p.key] AS unsound
WHERE size(unsound) > 0
RETURN n AS node, 'missing or of the wrong type: ' + reduce(all = unsound[0], k IN unsound[1..] | all + ', ' + k) AS problem
LIMIT $limit
