// Open contradictions: two facts about the same things that say opposite and both hold. The next page settles them.
// mode: read
// param: user_id string - whose memories
// returns: one node - the earlier fact
// returns: other node - the later fact, which says the opposite
// returns: one_about relationship - to the thing
// returns: other_about relationship - to the same thing
// returns: e node - the thing
UNWIND [['CHOSE', 'REJECTED'], ['REJECTED', 'USES'], ['STOPPED_USING', 'USES'], ['AVOIDS', 'PREFERS'],
  ['CAUSED_BY', 'NOT_CAUSED_BY']] AS pair
MATCH (a:Fact) WHERE a.user_id = $user_id AND a.subject_uuid >= '' AND a.predicate = pair[0]
MATCH (b:Fact {user_id: $user_id, subject_uuid: a.subject_uuid, predicate: pair[1]})
WHERE b.scope = a.scope AND b.object_key = a.object_key AND a.expired_at IS NULL AND b.expired_at IS NULL
  AND (a.invalid_at IS NULL OR a.invalid_at > datetime()) AND (b.invalid_at IS NULL OR b.invalid_at > datetime())
  AND NOT EXISTS { MATCH (:Deleting)-[:STATES]->(a) } AND NOT EXISTS { MATCH (:Deleting)-[:STATES]->(b) }
WITH CASE WHEN a.seq < b.seq THEN a ELSE b END AS one, CASE WHEN a.seq < b.seq THEN b ELSE a END AS other
MATCH (one)-[one_about:SUBJECT|OBJECT]->(e:Entity)<-[other_about:SUBJECT|OBJECT]-(other)
RETURN one, other, one_about, other_about, e LIMIT 100
