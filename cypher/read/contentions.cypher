// Facts that may contradict those of the given memories: same scope, subject and predicate, or an opposite predicate
// about the same object. A fact that begins in the past is held against all that held then or later, not against what
// holds now alone.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - memories whose facts are looked at
// param: single_valued list[string] - predicates whose facts are ended by date alone
// param: opposites list[list[string]] - pairs of predicates that contradict each other; NOT_X is one to X always
// param: now datetime - instant in valid time, UTC
// param: per_fact integer - most candidates for each fact, opposite ones and then the newest first
// returns: new {uuid string, statement string, because string or null, valid_at datetime, seq integer, project string
//   or null, noted_seq integer, noted_at datetime} - the fact of the given memories; noted_at is when a caller stated
//   it, or when the text was written down that a model read it in; noted_seq is its memory's
// returns: old {uuid string, statement string, because string or null, valid_at datetime, seq integer, project string
//   or null, noted_seq integer, noted_at datetime} - the fact that it may contradict
// returns: opposite boolean - whether their predicates say the opposite
// returns: candidates integer - how many facts the new one may contradict in all
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid})-[:STATES]->(n:Fact)
WHERE m.user_id = $user_id AND (m:Deleting) = false AND n.subject_uuid IS NOT NULL
  AND (n.invalid_at IS NULL OR n.invalid_at > $now)
CALL (m, n) {
  MATCH (o:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: n.predicate})
  WHERE NOT n.predicate IN $single_valued AND o.claim_key <> n.claim_key
  RETURN o, false AS opposite
  UNION
  UNWIND [pair IN $opposites WHERE pair[0] = n.predicate | pair[1]] +
    [CASE WHEN n.predicate STARTS WITH 'NOT_' THEN substring(n.predicate, 4) ELSE 'NOT_' + n.predicate END] AS negated
  CALL (n, negated) {
    MATCH (o:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: negated, object_uuid: n.object_uuid})
    RETURN o
    UNION ALL
    UNWIND CASE WHEN n.object_uuid IS NULL THEN [negated] ELSE [] END AS unrelated
    MATCH (o:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: unrelated})
    RETURN o
  }
  WITH o WHERE o.object_key = n.object_key
  RETURN o, true AS opposite
}
WITH m, n, o, opposite, CASE WHEN n.valid_at < $now THEN n.valid_at ELSE $now END AS since
WHERE o.scope = n.scope AND o.expired_at IS NULL
  AND (o.invalid_at IS NULL OR (o.invalid_at > since AND o.invalid_at > o.valid_at))
  AND NOT EXISTS { MATCH (n)-[:SUPERSEDED_BY]-(o) }
MATCH (owner:Memory)-[:STATES]->(o)
WHERE owner <> m AND (owner:Deleting) = false
WITH m, n, o, owner, opposite ORDER BY opposite DESC, o.seq DESC
WITH m, n, collect({fact: o, owner: owner, opposite: opposite}) AS found
UNWIND found[..$per_fact] AS candidate
CALL (m, n, candidate) {
  UNWIND [{fact: n, owner: m}, candidate] AS side
  WITH side.fact AS f, side.owner AS owner
  RETURN collect(f {.uuid, .statement, .because, .valid_at, .seq, project: owner.project, noted_seq: owner.seq,
    noted_at: CASE f.origin WHEN 'model' THEN coalesce(head(COLLECT {
      MATCH (owner)-[:PREVIOUS]->(v:MemoryVersion)
      WHERE v.text <> owner.text AND v.replaced_at <= f.created_at
      RETURN v.replaced_at ORDER BY v.replaced_at DESC LIMIT 1
    }), owner.created_at) ELSE f.created_at END}) AS sides
}
RETURN sides[0] AS new, sides[1] AS old, candidate.opposite AS opposite, size(found) AS candidates
