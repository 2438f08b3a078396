// Open contradictions: two facts about the same things, with opposite predicates, that both hold.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only those that this project's memories have a part in
// param: limit integer = 200 - most rows
// returns: one string - the earlier fact
// returns: one_since string or null - day from which it holds; empty where nobody said
// returns: one_id string - its id, for supersedes
// returns: other string - the later fact, which says the opposite
// returns: other_since string or null - day from which that holds
// returns: other_id string - its id
// returns: project string or null - where the later one was said
CALL () {
  UNWIND [['CHOSE', 'REJECTED'], ['REJECTED', 'USES'], ['STOPPED_USING', 'USES'], ['AVOIDS', 'PREFERS'],
    ['CAUSED_BY', 'NOT_CAUSED_BY']] AS pair
  MATCH (a:Fact) WHERE a.user_id = $user_id AND a.subject_uuid >= '' AND a.predicate = pair[0]
  RETURN a, pair[1] AS opposite
  UNION
  MATCH (a:Fact) WHERE a.user_id = $user_id AND a.subject_uuid >= '' AND a.predicate STARTS WITH 'NOT_'
  RETURN a, substring(a.predicate, 4) AS opposite
}
MATCH (b:Fact {user_id: $user_id, subject_uuid: a.subject_uuid, predicate: opposite})
WHERE b.scope = a.scope AND b.object_key = a.object_key AND a.expired_at IS NULL AND b.expired_at IS NULL
  AND a.valid_at <= $now AND (a.invalid_at IS NULL OR a.invalid_at > $now)
  AND b.valid_at <= $now AND (b.invalid_at IS NULL OR b.invalid_at > $now)
MATCH (ma:Memory)-[:STATES]->(a)
MATCH (mb:Memory)-[:STATES]->(b)
WHERE NOT ma:Deleting AND NOT mb:Deleting AND ($project IS NULL OR ma.project = $project OR ma.project ENDS WITH '/' + $project OR ma.project STARTS WITH $project + '~' OR mb.project = $project OR mb.project ENDS WITH '/' + $project OR mb.project STARTS WITH $project + '~')
WITH DISTINCT CASE WHEN a.seq < b.seq THEN [a, b, mb.project] ELSE [b, a, ma.project] END AS pair
RETURN pair[0].statement AS one, CASE WHEN pair[0].valid_at.year > 1 THEN toString(date(pair[0].valid_at)) END AS one_since,
  pair[0].uuid AS one_id, pair[1].statement AS other,
  CASE WHEN pair[1].valid_at.year > 1 THEN toString(date(pair[1].valid_at)) END AS other_since,
  pair[1].uuid AS other_id, pair[2] AS project
ORDER BY pair[1].seq DESC LIMIT toInteger($limit)
