// Facts that may contradict those of the given memories: same scope, subject and predicate, or an opposite predicate
// about the same object; each pair once.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - memories whose facts are looked at
// param: single_valued list[string] - predicates that settle by date alone
// param: opposites list[list[string]] - pairs of predicates that contradict each other
// param: now datetime - instant in valid time, UTC
// param: per_fact integer - most candidates for each fact, newest first
// returns: new map, old map; each with uuid, statement, because, valid_at, created_at, seq, project
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid})-[:STATES]->(n:Fact)
WHERE m.user_id = $user_id AND NOT m:Deleting AND n.subject_uuid IS NOT NULL
  AND (n.invalid_at IS NULL OR n.invalid_at > $now)
CALL (m, n) {
  MATCH (o:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: n.predicate})
  WHERE NOT n.predicate IN $single_valued AND o.claim_key <> n.claim_key
  RETURN o
  UNION
  UNWIND [pair IN $opposites WHERE pair[0] = n.predicate | pair[1]] AS opposite
  MATCH (o:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: opposite})
  WHERE o.object_key = n.object_key
  RETURN o
}
WITH m, n, o
WHERE o.scope = n.scope AND o.expired_at IS NULL AND (o.invalid_at IS NULL OR o.invalid_at > $now)
  AND NOT EXISTS { MATCH (n)-[:SUPERSEDED_BY]-(o) }
MATCH (owner:Memory)-[:STATES]->(o)
WHERE owner <> m AND NOT owner:Deleting
WITH m, n, o, owner ORDER BY o.seq DESC
WITH m, n, collect({old: o {.uuid, .statement, .because, .valid_at, .created_at, .seq, project: owner.project},
  claim: o.claim_key}) AS found
UNWIND found[..$per_fact] AS candidate
RETURN n {.uuid, .statement, .because, .valid_at, .created_at, .seq, project: m.project} AS new, candidate.old AS old
