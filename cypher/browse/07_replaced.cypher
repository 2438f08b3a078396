// What was replaced by what: each arrow leads from an older fact to the one that took its place, and says why.
// mode: read
// param: user_id string - whose memories
// returns: old node - the older fact
// returns: d relationship - the decision: kind, reason, who judged, when
// returns: new node - the newer fact
// returns: about relationship - from the older fact to its subject
// returns: e node - the thing
MATCH (old:Fact)-[d:SUPERSEDED_BY]->(new:Fact)
WHERE old.user_id = $user_id AND old.uuid >= '' AND d.undone_at IS NULL
  AND EXISTS { MATCH (old)<-[:STATES]-()<-[:PREVIOUS*0..1]-(m:Memory) WHERE NOT m:Deleting }
OPTIONAL MATCH (old)-[about:SUBJECT]->(e:Entity)
RETURN old, d, new, about, e LIMIT 300
