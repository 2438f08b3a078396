// What was decided against and still is, with the reason, the condition for another look, and whether that is due.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only this project's
// param: limit integer = 200 - most rows
// returns: due boolean - true where revisit_when holds a date (2026-05 or 2026-05-17) that has come
// returns: rejected string - what was decided against, in the words of the memory
// returns: instead string or null - what the same subject chose or uses, where the graph says so
// returns: because string or null - the reason
// returns: revisit_when string or null - when to look at it again
// returns: since string or null - day of the decision; empty where nobody said
// returns: project string or null - where it was said
MATCH (m:Memory)-[:STATES]->(f:Fact)
WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.predicate = 'REJECTED' AND f.expired_at IS NULL AND NOT m:Deleting
  AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
  AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~')
WITH f, m, [word IN split(replace(replace(replace(coalesce(f.revisit_when, ''), ',', ' '), '.', ' '), ';', ' '), ' ')
  WHERE word =~ '\\d{4}-\\d{2}(-\\d{2})?'] AS dates
CALL (f) {
  OPTIONAL MATCH (other:Fact {user_id: $user_id, subject_uuid: f.subject_uuid})<-[:STATES]-(by:Memory)
  WHERE other.predicate = 'CHOSE' AND other.scope = f.scope AND other.expired_at IS NULL AND NOT by:Deleting
    AND other.valid_at <= $now AND (other.invalid_at IS NULL OR other.invalid_at > $now)
  WITH other ORDER BY other.seq DESC LIMIT 3
  RETURN nullIf(reduce(all = '', text IN collect(DISTINCT other.statement) | CASE WHEN all = '' THEN toString(text) ELSE all + '; ' + toString(text) END), '') AS instead
}
RETURN any(day IN dates WHERE day <= toString(date($now))) AS due, f.statement AS rejected, instead, f.because AS because,
  f.revisit_when AS revisit_when, CASE WHEN f.valid_at.year > 1 THEN toString(date(f.valid_at)) END AS since,
  m.project AS project
ORDER BY due DESC, f.valid_at DESC, f.seq DESC LIMIT toInteger($limit)
