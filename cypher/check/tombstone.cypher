// No point waits for its removal from the index while its node stands.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (t:Tombstone) WHERE ($user_id IS NULL OR t.user_id = $user_id)
  AND (EXISTS { MATCH (m:Memory {uuid: t.uuid}) WHERE NOT m:Deleting }
  OR EXISTS { MATCH (f:Fact {uuid: t.uuid}) WHERE f.expired_at IS NULL }
  OR EXISTS { MATCH (e:Entity {uuid: t.uuid}) })
RETURN t AS node, 'the node whose point it removes still stands' AS problem
LIMIT $limit
