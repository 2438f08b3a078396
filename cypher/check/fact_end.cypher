// A current fact has ended where it says so, where a decision or a later value ended it, and nowhere else.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (f:Fact) WHERE ($user_id IS NULL OR f.user_id = $user_id) AND f.expired_at IS NULL
WITH f, EXISTS {
  MATCH (f)-[d:SUPERSEDED_BY]->(n:Fact)<-[:STATES]-()
  WHERE d.undone_at IS NULL AND n.expired_at IS NULL AND d.kind IN ['superseded', 'corrected']
} AS decided
WITH f, CASE
  WHEN f.followed_by IS NOT NULL AND NOT EXISTS { MATCH (n:Fact {uuid: f.followed_by}) WHERE n.expired_at IS NULL }
    THEN 'the value that followed it is gone'
  WHEN f.invalid_at IS NOT NULL AND NOT decided AND f.followed_by IS NULL
    AND coalesce(f.invalid_at <> f.stated_invalid_at, true) THEN 'it has ended, and nothing ended it'
  WHEN f.invalid_at IS NULL AND (decided OR f.followed_by IS NOT NULL OR f.stated_invalid_at IS NOT NULL) THEN 'something ended it, and it has not ended'
END AS problem WHERE problem IS NOT NULL
RETURN f AS node, problem
LIMIT $limit
