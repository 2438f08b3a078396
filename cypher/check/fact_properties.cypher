// A fact has every property that it needs, each of its type.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (n:Fact) WHERE ($user_id IS NULL OR n.user_id = $user_id)
WITH n, properties(n) AS p
WITH n,
  [key IN ['uuid', 'name', 'statement', 'scope', 'predicate', 'object_key', 'valid_from_source', 'claim_key',
    'origin'] WHERE NOT p[key] IS :: STRING NOT NULL]
  + [key IN ['valid_at', 'created_at'] WHERE NOT p[key] IS :: ZONED DATETIME NOT NULL]
  + [key IN ['seq', 'index_rev'] WHERE NOT p[key] IS :: INTEGER NOT NULL]
  + [key IN ['subject_uuid', 'object_uuid', 'object_value', 'version', 'followed_by', 'because', 'revisit_when',
    'model', 'prompt', 'prompt_hash'] WHERE NOT p[key] IS :: STRING]
  + [key IN ['stated_invalid_at', 'invalid_at', 'expired_at'] WHERE NOT p[key] IS :: ZONED DATETIME] AS unsound
WHERE size(unsound) > 0
RETURN n AS node, 'missing or of the wrong type: ' + reduce(all = unsound[0], k IN unsound[1..] | all + ', ' + k) AS problem
LIMIT $limit
