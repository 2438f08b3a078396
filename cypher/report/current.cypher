// Decisions, conventions, preferences and the present set-up: what holds now, newest first.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only this project's, and what holds in all of them
// param: limit integer = 200 - most rows
// returns: kind string - decision, convention, preference or setup
// returns: statement string - what holds, in the words of the latest memory that says so
// returns: because string or null - the reasons given, each once
// returns: revisit_when string or null - when to look at it again
// returns: since string or null - day from which it holds; empty where nobody said
// returns: project string or null - the projects whose memories say so
// returns: stated integer - how many memories say so
MATCH (m:Memory)-[:STATES]->(f:Fact)
WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.expired_at IS NULL AND NOT m:Deleting
  AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
  AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~' OR f.scope = 'user')
WITH f, m, CASE
    WHEN f.predicate IN ['CHOSE', 'DECIDED'] THEN 'decision'
    WHEN f.predicate IN ['HAS_CONVENTION', 'REQUIRES'] THEN 'convention'
    WHEN f.predicate IN ['PREFERS', 'AVOIDS'] THEN 'preference'
    WHEN f.predicate IN ['USES', 'USES_VERSION', 'CONFIGURED_AS', 'DEFAULT_BRANCH', 'RUNS_ON', 'DEPLOYED_TO'] THEN 'setup'
    WHEN f.because IS NOT NULL AND NOT f.predicate IN
      ['REJECTED', 'TRIED', 'FAILED_BECAUSE', 'CAUSED_BY', 'NOT_CAUSED_BY', 'FIXED_BY'] THEN 'decision'
  END AS kind
WHERE kind IS NOT NULL
WITH kind, f, m ORDER BY f.seq DESC
WITH kind, f.claim_key AS claim, collect(f) AS facts, collect(DISTINCT m.project) AS projects,
  collect(DISTINCT m.uuid) AS memories, min(f.valid_at) AS begins
WITH *, facts[0].seq AS latest ORDER BY latest DESC LIMIT toInteger($limit)
RETURN kind, facts[0].statement AS statement,
  nullIf(reduce(all = '', f IN facts | CASE
    WHEN f.because IS NULL OR all CONTAINS f.because THEN all
    WHEN all = '' THEN f.because
    ELSE all + '; ' + f.because END), '') AS because,
  head([f IN facts WHERE f.revisit_when IS NOT NULL | f.revisit_when]) AS revisit_when,
  CASE WHEN begins.year > 1 THEN toString(date(begins)) END AS since,
  nullIf(reduce(all = '', name IN projects | CASE WHEN all = '' THEN toString(name) ELSE all + ', ' + toString(name) END), '') AS project, size(memories) AS stated
