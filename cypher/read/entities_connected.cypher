// The most connected entities of a partition.
// mode: read
// param: user_id string - partition
// param: top_k integer - most rows returned
// returns: uuid string, degree integer
// order: degree descending, uuid
MATCH (e:Entity) WHERE e.user_id = $user_id
WITH e, COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() } AS degree
WHERE degree > 0
RETURN e.uuid AS uuid, degree ORDER BY degree DESC, uuid LIMIT $top_k
