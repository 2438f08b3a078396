// Facts in force that nothing has confirmed for long, and that no search has brought up: worth a look, or a deletion.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only this project's
// param: days integer = 90 - not confirmed and not recalled for this many days
// param: limit integer = 200 - most rows
// returns: statement string - the fact in words
// returns: last_said string - day on which a memory said so last
// returns: days integer - days since then
// returns: recalled integer - how often search has brought its memories up
// returns: last_recalled string or null - day of the last time
// returns: project string or null - where it was said
// returns: memory string - id of the latest memory that says so
MATCH (m:Memory)-[:STATES]->(f:Fact)
WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.expired_at IS NULL AND NOT m:Deleting
  AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
  AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~')
WITH f.claim_key AS claim, f, m ORDER BY m.created_at DESC
WITH claim, collect(f)[0] AS f, collect(m)[0] AS m, sum(coalesce(m.recall_count, 0)) AS recalled,
  max(m.last_recalled_at) AS last_recalled, max(m.updated_at) AS said
WHERE said < $now - duration({days: toInteger($days)})
  AND (last_recalled IS NULL OR last_recalled < $now - duration({days: toInteger($days)}))
RETURN f.statement AS statement, toString(date(said)) AS last_said, duration.inDays(said, $now).days AS days,
  recalled, toString(date(last_recalled)) AS last_recalled, m.project AS project, m.uuid AS memory
ORDER BY said LIMIT toInteger($limit)
