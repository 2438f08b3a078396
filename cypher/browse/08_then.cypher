// What held on one day, half a year ago: put another date in its place.
// mode: read
// param: user_id string - whose memories
// returns: statement string - in words
// returns: because string or null - the reason given
// returns: since datetime - when it began; year 1: nobody said
// returns: until datetime or null - when it ended; null: it still holds
// returns: project string or null - where it was said
WITH datetime() - duration('P6M') AS day // or a date: datetime('2026-03-01')
MATCH (m:Memory)-[:STATES]->(f:Fact)
WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.expired_at IS NULL AND NOT m:Deleting
  AND f.valid_at <= day AND (f.invalid_at IS NULL OR f.invalid_at > day)
RETURN f.statement AS statement, f.because AS because, f.valid_at AS since, f.invalid_at AS until, m.project AS project
ORDER BY since DESC LIMIT 300
