// Failed attempts and false leads, with what it turned out to be and what helped.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only this project's
// param: limit integer = 200 - most rows
// returns: kind string - failed (did not work), tried (outcome not said) or false lead (taken for the cause, and was not)
// returns: statement string - what was tried, or taken for the cause
// returns: because string or null - why it failed, as the memory says
// returns: turned_out string or null - the cause that was found in the end
// returns: fixed_by string or null - what helped
// returns: at string or null - day; empty where nobody said
// returns: project string or null - where it was said
MATCH (m:Memory)-[:STATES]->(f:Fact)
WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.expired_at IS NULL AND NOT m:Deleting
  AND f.predicate IN ['FAILED_BECAUSE', 'TRIED', 'NOT_CAUSED_BY', 'CAUSED_BY']
  AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~')
CALL (f) {
  MATCH (f)-[d:SUPERSEDED_BY {kind: 'corrected'}]->(n:Fact)<-[:STATES]-(by:Memory)
  WHERE d.undone_at IS NULL AND n.expired_at IS NULL AND NOT by:Deleting
  RETURN collect(DISTINCT n.statement) AS corrections
}
WITH f, m, corrections, CASE
    WHEN f.predicate = 'FAILED_BECAUSE' THEN 'failed'
    WHEN f.predicate = 'TRIED' THEN 'tried'
    WHEN f.predicate = 'NOT_CAUSED_BY' OR size(corrections) > 0 THEN 'false lead'
  END AS kind
WHERE kind IS NOT NULL AND (kind = 'false lead' OR size(corrections) = 0)
CALL (f) {
  OPTIONAL MATCH (other:Fact {user_id: $user_id, subject_uuid: f.subject_uuid})<-[:STATES]-(by:Memory)
  WHERE other.predicate IN ['CAUSED_BY', 'FIXED_BY'] AND other.expired_at IS NULL AND NOT by:Deleting
    AND (other.invalid_at IS NULL OR other.invalid_at > $now) AND other <> f
  RETURN collect(DISTINCT CASE WHEN other.predicate = 'CAUSED_BY' THEN other.statement END) AS causes,
    collect(DISTINCT CASE WHEN other.predicate = 'FIXED_BY' THEN other.statement END) AS fixes
}
WITH f, m, kind, fixes, corrections + [cause IN causes WHERE NOT cause IN corrections] AS causes
RETURN kind, f.statement AS statement, f.because AS because,
  nullIf(reduce(all = '', text IN causes | CASE WHEN all = '' THEN toString(text) ELSE all + '; ' + toString(text) END), '') AS turned_out,
  nullIf(reduce(all = '', text IN fixes | CASE WHEN all = '' THEN toString(text) ELSE all + '; ' + toString(text) END), '') AS fixed_by,
  CASE WHEN f.valid_at.year > 1 THEN toString(date(f.valid_at)) END AS at, m.project AS project
ORDER BY f.valid_at DESC, f.seq DESC LIMIT toInteger($limit)
