// Facts that may contradict those of the given memories: same scope, subject and predicate, or an opposite predicate
// about the same object. A fact that begins in the past is held against all that held then or later, not against what
// holds now alone.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - memories whose facts are looked at
// param: single_valued list[string] - predicates that settle by date alone
// param: opposites list[list[string]] - pairs of predicates that contradict each other; NOT_X is one to X always
// param: now datetime - instant in valid time, UTC
// param: per_fact integer - most candidates for each fact, opposite ones and then the newest first
// returns: new map, old map; each with uuid, statement, because, valid_at, created_at, seq, project; opposite boolean
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid})-[:STATES]->(n:Fact)
WHERE m.user_id = $user_id AND NOT m:Deleting AND n.subject_uuid IS NOT NULL
  AND (n.invalid_at IS NULL OR n.invalid_at > $now)
CALL (m, n) {
  MATCH (o:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: n.predicate})
  WHERE NOT n.predicate IN $single_valued AND o.claim_key <> n.claim_key
  RETURN o, false AS opposite
  UNION
  UNWIND [pair IN $opposites WHERE pair[0] = n.predicate | pair[1]] +
    [CASE WHEN n.predicate STARTS WITH 'NOT_' THEN substring(n.predicate, 4) ELSE 'NOT_' + n.predicate END] AS negated
  MATCH (o:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: negated})
  WHERE o.object_key = n.object_key
  RETURN o, true AS opposite
}
WITH m, n, o, opposite, CASE WHEN n.valid_at < $now THEN n.valid_at ELSE $now END AS since
WHERE o.scope = n.scope AND o.expired_at IS NULL
  AND (o.invalid_at IS NULL OR (o.invalid_at > since AND o.invalid_at > o.valid_at))
  AND NOT EXISTS { MATCH (n)-[:SUPERSEDED_BY]-(o) }
MATCH (owner:Memory)-[:STATES]->(o)
WHERE owner <> m AND NOT owner:Deleting
WITH m, n, o, owner, opposite ORDER BY opposite DESC, o.seq DESC
WITH m, n, collect({old: o {.uuid, .statement, .because, .valid_at, .created_at, .seq, project: owner.project},
  opposite: opposite}) AS found
UNWIND found[..$per_fact] AS candidate
RETURN n {.uuid, .statement, .because, .valid_at, .created_at, .seq, project: m.project} AS new,
  candidate.old AS old, candidate.opposite AS opposite
