// A memory has every property that it needs, each of its type.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (n:Memory) WHERE ($user_id IS NULL OR n.user_id = $user_id)
WITH n, properties(n) AS p
WITH n,
  [key IN ['uuid', 'name', 'text', 'terms', 'user_key', 'content_hash', 'kind', 'metadata',
    'extraction'] WHERE NOT p[key] IS :: STRING NOT NULL]
  + [key IN ['occurred_at', 'created_at', 'updated_at'] WHERE NOT p[key] IS :: ZONED DATETIME NOT NULL]
  + [key IN ['seq', 'index_rev', 'recall_count'] WHERE NOT p[key] IS :: INTEGER NOT NULL]
  + [key IN ['noise'] WHERE NOT p[key] IS :: BOOLEAN NOT NULL]
  + [key IN ['agent_id', 'run_id', 'project', 'role', 'speaker', 'extraction_error',
    'noise_reason'] WHERE NOT p[key] IS :: STRING]
  + [key IN ['bulk', 'infer'] WHERE NOT p[key] IS :: BOOLEAN]
  + [key IN ['last_recalled_at'] WHERE NOT p[key] IS :: ZONED DATETIME] AS unsound
WHERE size(unsound) > 0
RETURN n AS node, 'missing or of the wrong type: ' + reduce(all = unsound[0], k IN unsound[1..] | all + ', ' + k) AS problem
LIMIT $limit
