// What a project is made of, and since when: tools, versions, dependencies, where it runs, who owns it.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only this project; null is every one
// param: limit integer = 500 - most rows
// returns: project string or null - whose memories say so
// returns: subject string - what it is said of
// returns: relation string - how both belong together
// returns: object string or null - tool, version, place or person
// returns: since string or null - day from which it holds; empty where nobody said
// returns: because string or null - why
MATCH (m:Memory)-[:STATES]->(f:Fact)-[:SUBJECT]->(s:Entity)
WHERE f.user_id = $user_id AND f.subject_uuid >= '' AND f.expired_at IS NULL AND NOT m:Deleting
  AND f.predicate IN ['USES', 'USES_VERSION', 'CHOSE', 'DEPENDS_ON', 'REQUIRES', 'RUNS_ON', 'DEPLOYED_TO', 'PART_OF',
    'IMPLEMENTS', 'LOCATED_IN', 'CONFIGURED_AS', 'DEFAULT_BRANCH', 'HAS_CONVENTION', 'HAS_STATUS', 'OWNS', 'WORKS_ON']
  AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
  AND (($project IS NULL AND m.project IS NOT NULL) OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~')
OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
WITH m.project AS project, s.name AS subject, f.predicate AS relation, coalesce(f.object_value, o.name) AS object,
  min(f.valid_at) AS begins, collect(DISTINCT f.because) AS reasons
RETURN project, subject, relation, object, CASE WHEN begins.year > 1 THEN toString(date(begins)) END AS since,
  nullIf(reduce(all = '', text IN reasons | CASE WHEN all = '' THEN toString(text) ELSE all + '; ' + toString(text) END), '') AS because
ORDER BY project, relation, subject, since, object LIMIT toInteger($limit)
