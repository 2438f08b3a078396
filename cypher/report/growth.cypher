// How the memory grows, by week and project.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only this project's
// param: since datetime or null = null - only weeks from then on; null is all
// param: limit integer = 500 - most rows
// returns: week string - its Monday
// returns: project string or null - empty where memories name none
// returns: notes integer - notes stored
// returns: messages integer - messages of conversations stored
// returns: facts integer - facts that these state
// returns: ended integer - how many of these facts hold no longer
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq >= 0 AND NOT m:Deleting AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~')
  AND ($since IS NULL OR m.created_at >= $since)
CALL (m) {
  OPTIONAL MATCH (m)-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL
  RETURN count(f) AS facts, count(CASE WHEN f.invalid_at <= $now THEN 1 END) AS ended
}
RETURN toString(date.truncate('week', m.created_at)) AS week, m.project AS project,
  count(CASE WHEN m.kind = 'note' THEN 1 END) AS notes, count(CASE WHEN m.kind = 'message' THEN 1 END) AS messages,
  sum(facts) AS facts, sum(ended) AS ended
ORDER BY week DESC, project LIMIT toInteger($limit)
