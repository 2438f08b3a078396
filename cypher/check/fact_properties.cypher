// A fact has every property that it needs, each of its type.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (n:Fact) WHERE ($user_id IS NULL OR n.user_id = $user_id)
WITH n, [p IN [
  {key: 'uuid', sound: n.uuid IS :: STRING NOT NULL},
  {key: 'name', sound: n.name IS :: STRING NOT NULL},
  {key: 'statement', sound: n.statement IS :: STRING NOT NULL},
  {key: 'scope', sound: n.scope IS :: STRING NOT NULL},
  {key: 'predicate', sound: n.predicate IS :: STRING NOT NULL},
  {key: 'object_key', sound: n.object_key IS :: STRING NOT NULL},
  {key: 'valid_at', sound: n.valid_at IS :: ZONED DATETIME NOT NULL},
  {key: 'valid_from_source', sound: n.valid_from_source IS :: STRING NOT NULL},
  {key: 'created_at', sound: n.created_at IS :: ZONED DATETIME NOT NULL},
  {key: 'seq', sound: n.seq IS :: INTEGER NOT NULL},
  {key: 'claim_key', sound: n.claim_key IS :: STRING NOT NULL},
  {key: 'origin', sound: n.origin IS :: STRING NOT NULL},
  {key: 'index_rev', sound: n.index_rev IS :: INTEGER NOT NULL},
  {key: 'subject_uuid', sound: n.subject_uuid IS :: STRING},
  {key: 'object_uuid', sound: n.object_uuid IS :: STRING},
  {key: 'object_value', sound: n.object_value IS :: STRING},
  {key: 'version', sound: n.version IS :: STRING},
  {key: 'followed_by', sound: n.followed_by IS :: STRING},
  {key: 'because', sound: n.because IS :: STRING},
  {key: 'revisit_when', sound: n.revisit_when IS :: STRING},
  {key: 'stated_invalid_at', sound: n.stated_invalid_at IS :: ZONED DATETIME},
  {key: 'invalid_at', sound: n.invalid_at IS :: ZONED DATETIME},
  {key: 'expired_at', sound: n.expired_at IS :: ZONED DATETIME},
  {key: 'model', sound: n.model IS :: STRING},
  {key: 'prompt', sound: n.prompt IS :: STRING},
  {key: 'prompt_hash', sound: n.prompt_hash IS :: STRING}
] WHERE NOT p.sound | p.key] AS unsound
WHERE size(unsound) > 0
RETURN n AS node, 'missing or of the wrong type: ' + reduce(all = unsound[0], k IN unsound[1..] | all + ', ' + k) AS problem
LIMIT $limit
