// A thing has its kind as its second label.
// mode: read
// param: user_id string or null = null - only this user's; null is everyone's
// param: limit integer = 100 - most nodes returned
// returns: node node - what breaks the rule
// returns: problem string - what is wrong with it
MATCH (e:Entity) WHERE ($user_id IS NULL OR e.user_id = $user_id)
WITH e, [l IN labels(e) WHERE NOT l IN ['Entity', 'Unindexed']] AS kinds
WHERE size(kinds) <> 1 OR coalesce(e.kind <> kinds[0], true)
RETURN e AS node, 'its kind is ' + coalesce(toStringOrNull(e.kind), '(none)') + ', its labels say ' +
  CASE size(kinds) WHEN 0 THEN '(none)' ELSE reduce(all = kinds[0], k IN kinds[1..] | all + ', ' + k) END AS problem
LIMIT $limit
