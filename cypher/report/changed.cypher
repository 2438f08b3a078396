// What was replaced, corrected or has ended lately: the old fact, the new one, who said so and why.
// mode: read
// param: user_id string - whose memories
// param: now datetime - the present instant
// param: project string or null = null - only changes that this project's memories had a part in
// param: since datetime or null = null - only changes from then on; null is thirty days ago
// param: limit integer = 200 - most rows
// returns: at string - when it was told, in UTC; of a fact that ended by its own date, that date
// returns: how string - superseded (was true before), corrected (never was true) or ended (by a date)
// returns: old string - what holds no longer
// returns: new string or null - what took its place; empty where nothing did
// returns: decided_by string - caller, a model, a person, or date
// returns: reason string or null - why, where it was said
// returns: project string or null - where the new fact, or the one that ended, was said
WITH coalesce($since, $now - duration('P30D')) AS since
CALL (since) {
  MATCH (old:Fact)-[d:SUPERSEDED_BY]->(new:Fact)<-[:STATES]-(m:Memory)
  WHERE old.user_id = $user_id AND old.claim_key >= '' AND d.at >= since AND d.undone_at IS NULL
    AND new.expired_at IS NULL AND NOT m:Deleting
  MATCH (was:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(old)
  WHERE NOT was:Deleting AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~' OR was.project = $project OR was.project ENDS WITH '/' + $project OR was.project STARTS WITH $project + '~')
  RETURN d.at AS at, d.kind AS how, old.statement AS old, new.statement AS new,
    coalesce(d.judge, 'caller') AS decided_by, d.reason AS reason, m.project AS project
  UNION ALL
  WITH since
  MATCH (m:Memory)-[:STATES]->(f:Fact)
  WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.expired_at IS NULL AND f.invalid_at >= since
    AND f.invalid_at <= $now AND NOT m:Deleting AND ($project IS NULL OR m.project = $project OR m.project ENDS WITH '/' + $project OR m.project STARTS WITH $project + '~')
    AND NOT EXISTS { MATCH (f)-[d:SUPERSEDED_BY]->(:Fact) WHERE d.undone_at IS NULL }
  OPTIONAL MATCH (next:Fact {user_id: $user_id, subject_uuid: f.subject_uuid, predicate: f.predicate})<-[:STATES]-(by:Memory)
  WHERE next.scope = f.scope AND next <> f AND next.valid_at = f.invalid_at AND next.expired_at IS NULL
    AND (f.stated_invalid_at IS NULL OR f.stated_invalid_at > f.invalid_at) AND NOT by:Deleting
  WITH f, m, collect(DISTINCT next.statement) AS nexts
  RETURN f.invalid_at AS at, 'ended' AS how, f.statement AS old, head(nexts) AS new, 'date' AS decided_by,
    null AS reason, m.project AS project
}
RETURN toString(at) AS at, how, old, new, decided_by, reason, project ORDER BY at DESC, old LIMIT toInteger($limit)
