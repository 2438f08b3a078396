// A job has every property that it needs, each of its type.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (n:Job) WHERE ($user_id IS NULL OR n.user_id = $user_id)
WITH n, [p IN [
  {key: 'uuid', sound: n.uuid IS :: STRING NOT NULL},
  {key: 'kind', sound: n.kind IS :: STRING NOT NULL},
  {key: 'state', sound: n.state IS :: STRING NOT NULL},
  {key: 'attempt', sound: n.attempt IS :: INTEGER NOT NULL},
  {key: 'created_at', sound: n.created_at IS :: ZONED DATETIME NOT NULL},
  {key: 'failures', sound: n.failures IS :: INTEGER},
  {key: 'claimed_by', sound: n.claimed_by IS :: STRING},
  {key: 'lease_until', sound: n.lease_until IS :: ZONED DATETIME},
  {key: 'next_attempt_at', sound: n.next_attempt_at IS :: ZONED DATETIME},
  {key: 'error', sound: n.error IS :: STRING},
  {key: 'model', sound: n.model IS :: STRING},
  {key: 'tokens', sound: n.tokens IS :: INTEGER},
  {key: 'cost', sound: n.cost IS :: FLOAT},
  {key: 'bulk', sound: n.bulk IS :: BOOLEAN},
  {key: 'started_at', sound: n.started_at IS :: ZONED DATETIME},
  {key: 'finished_at', sound: n.finished_at IS :: ZONED DATETIME}
] WHERE NOT p.sound | p.key] AS unsound
WHERE size(unsound) > 0
RETURN n AS node, 'missing or of the wrong type: ' + reduce(all = unsound[0], k IN unsound[1..] | all + ', ' + k) AS problem
LIMIT $limit
