// A memory has every property that it needs, each of its type.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (n:Memory) WHERE ($user_id IS NULL OR n.user_id = $user_id)
WITH n, [p IN [
  {key: 'uuid', sound: n.uuid IS :: STRING NOT NULL},
  {key: 'name', sound: n.name IS :: STRING NOT NULL},
  {key: 'text', sound: n.text IS :: STRING NOT NULL},
  {key: 'terms', sound: n.terms IS :: STRING NOT NULL},
  {key: 'user_key', sound: n.user_key IS :: STRING NOT NULL},
  {key: 'content_hash', sound: n.content_hash IS :: STRING NOT NULL},
  {key: 'kind', sound: n.kind IS :: STRING NOT NULL},
  {key: 'metadata', sound: n.metadata IS :: STRING NOT NULL},
  {key: 'occurred_at', sound: n.occurred_at IS :: ZONED DATETIME NOT NULL},
  {key: 'created_at', sound: n.created_at IS :: ZONED DATETIME NOT NULL},
  {key: 'updated_at', sound: n.updated_at IS :: ZONED DATETIME NOT NULL},
  {key: 'seq', sound: n.seq IS :: INTEGER NOT NULL},
  {key: 'index_rev', sound: n.index_rev IS :: INTEGER NOT NULL},
  {key: 'extraction', sound: n.extraction IS :: STRING NOT NULL},
  {key: 'noise', sound: n.noise IS :: BOOLEAN NOT NULL},
  {key: 'recall_count', sound: n.recall_count IS :: INTEGER NOT NULL},
  {key: 'agent_id', sound: n.agent_id IS :: STRING},
  {key: 'run_id', sound: n.run_id IS :: STRING},
  {key: 'project', sound: n.project IS :: STRING},
  {key: 'role', sound: n.role IS :: STRING},
  {key: 'speaker', sound: n.speaker IS :: STRING},
  {key: 'bulk', sound: n.bulk IS :: BOOLEAN},
  {key: 'infer', sound: n.infer IS :: BOOLEAN},
  {key: 'extraction_error', sound: n.extraction_error IS :: STRING},
  {key: 'noise_reason', sound: n.noise_reason IS :: STRING},
  {key: 'last_recalled_at', sound: n.last_recalled_at IS :: ZONED DATETIME}
] WHERE NOT p.sound | p.key] AS unsound
WHERE size(unsound) > 0
RETURN n AS node, 'missing or of the wrong type: ' + reduce(all = unsound[0], k IN unsound[1..] | all + ', ' + k) AS problem
LIMIT $limit
