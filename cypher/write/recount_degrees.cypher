// Count the facts about each thing of a user anew.
// mode: write
// param: user_id string - partition
MATCH (e:Entity) WHERE e.user_id = $user_id
WITH e, COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() } AS degree
WHERE NOT coalesce(e.degree = degree, false)
SET e.degree = degree
