// A decision joins two different facts, and says what kind it is and since when.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id)
MATCH (f)-[d:SUPERSEDED_BY]-(other)
WITH f, d, other, CASE
  WHEN NOT other:Fact OR f = other THEN 'a decision about it leads to no other fact'
  WHEN startNode(d) <> f THEN null
  WHEN coalesce(NOT d.kind IN ['superseded', 'corrected', 'followed'], true) THEN 'the decision that ended it is of no known kind'
  WHEN (d.at IS NULL OR NOT d.at IS :: ZONED DATETIME) OR (d.effective_at IS NULL OR NOT d.effective_at IS :: ZONED DATETIME)
    OR NOT d.undone_at IS :: ZONED DATETIME THEN 'the decision that ended it has no usable date'
  WHEN (d.uuid IS NULL OR NOT d.uuid IS :: STRING) THEN 'the decision that ended it has no uuid'
END AS problem WHERE problem IS NOT NULL
RETURN DISTINCT f AS node, problem
LIMIT $limit
