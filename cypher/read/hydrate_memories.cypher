// Memories of a scope as an answer shows them: text, versions where asked for, and their facts with what replaced them
// as was known then, and what contradicts it. What replaced a fact shows its words only where it is within the scope
// itself; of what contradicts it only that is read. Memories that replaced all that one of these states come along, and
// those that replaced all that one of them states.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: uuids list[string] - the memories
// param: known_at datetime or null - instant of knowledge, UTC, at which a fact counts as replaced; null is now
// param: history boolean - versions and the facts that updates expired too
// param: opposites map - predicates that contradict a predicate, by that predicate; NOT_X is one to X always
// param: now datetime or null - instant at which what contradicts a fact must hold, UTC; null looks for nothing, and
//   nothing comes along
// param: contradicting integer - most of each fact
// returns: memories list[{memory {uuid string, text string, metadata string, kind string, role string or null, speaker
//   string or null, agent_id string or null, run_id string or null, project string or null, noise boolean, user_id
//   string, extraction string, recall_count integer, content_hash string, occurred_at datetime, created_at datetime,
//   updated_at datetime, last_recalled_at datetime or null}, facts list[{uuid string, statement string, because string
//   or null, revisit_when string or null, valid_at datetime, invalid_at datetime or null, replaced_by list[{id string,
//   kind string, at datetime, statement string or null, reason string or null, memory string or null}],
//   contradicted_by list[{uuid string, statement string, valid_at datetime}], contradictions integer}], versions list[{text string, metadata
//   string, occurred_at datetime, created_at datetime, replaced_at datetime}]}]
// instants: occurred_at, created_at, updated_at, last_recalled_at, replaced_at, valid_at, invalid_at, at
UNWIND $uuids AS uuid
MATCH (found:Memory {uuid: uuid})
WITH collect(found) AS hits
CALL (hits) {
  UNWIND hits AS old
  WITH old WHERE $now IS NOT NULL AND NOT EXISTS {
    MATCH (old)-[:STATES]->(f:Fact)
    WHERE f.expired_at IS NULL AND (f.invalid_at IS NULL OR f.invalid_at > $now AND f.invalid_at > f.valid_at)
  }
  MATCH (old)-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL
  CALL (f) {
    MATCH (f)-[:SUPERSEDED_BY]->(n:Fact)
    RETURN n
    UNION ALL
    MATCH (n:Fact {uuid: f.followed_by})
    RETURN n
  }
  MATCH (n)<-[:STATES]-(by:Memory)
  RETURN collect(DISTINCT by) AS newer
}
CALL (newer) {
  UNWIND newer AS old
  WITH old WHERE $now IS NOT NULL AND NOT EXISTS {
    MATCH (old)-[:STATES]->(f:Fact)
    WHERE f.expired_at IS NULL AND (f.invalid_at IS NULL OR f.invalid_at > $now AND f.invalid_at > f.valid_at)
  }
  MATCH (old)-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL
  CALL (f) {
    MATCH (f)-[:SUPERSEDED_BY]->(n:Fact)
    RETURN n
    UNION ALL
    MATCH (n:Fact {uuid: f.followed_by})
    RETURN n
  }
  MATCH (n)<-[:STATES]-(by:Memory)
  RETURN collect(DISTINCT by) AS newest
}
UNWIND hits + newer + newest AS m
WITH DISTINCT m WHERE m.user_id = $user_id AND (m:Deleting) = false
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
WITH collect(m) AS shown
CALL (shown) {
  UNWIND CASE WHEN $now IS NULL THEN [] ELSE shown END AS m
  MATCH (m)-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL
  WITH f, toStringOrNull(f.predicate) AS predicate WHERE predicate IS NOT NULL
  WITH f, coalesce($opposites[predicate], []) +
    CASE WHEN predicate STARTS WITH 'NOT_' THEN substring(predicate, 4) ELSE 'NOT_' + predicate END AS negated
  CALL (f, negated) {
    MATCH (o:Fact {user_id: $user_id, subject_uuid: f.subject_uuid, object_uuid: f.object_uuid})
    WHERE o.predicate IN negated
    RETURN o
    UNION ALL
    UNWIND CASE WHEN f.object_uuid IS NULL THEN [negated] ELSE [] END AS unrelated
    MATCH (o:Fact {user_id: $user_id, subject_uuid: f.subject_uuid}) WHERE o.predicate IN unrelated
    RETURN o
  }
  WITH f, o WHERE o.object_key = f.object_key AND o.scope = f.scope AND o.expired_at IS NULL
    AND o.valid_at <= $now AND (o.invalid_at IS NULL OR o.invalid_at > $now)
  MATCH (by:Memory)-[:STATES]->(o)
  WHERE (by:Deleting) = false
    AND ($agent_id IS NULL OR by.agent_id = $agent_id)
    AND ($run_id IS NULL OR by.run_id = $run_id)
    AND ($project IS NULL OR by.project = $project)
  WITH DISTINCT f, o ORDER BY o.seq DESC
  WITH f, collect(o {.uuid, .statement, valid_at: toStringOrNull(o.valid_at)}) AS others
  RETURN collect({uuid: f.uuid, by: others[..$contradicting], found: size(others)}) AS contradicted
}
UNWIND shown AS m
CALL (m, contradicted) {
  MATCH (m)-[:PREVIOUS*0..1]->(owner)-[:STATES]->(f:Fact)
  WHERE $history OR f.expired_at IS NULL
  CALL (f) {
    CALL (f) {
      MATCH (f)-[d:SUPERSEDED_BY]->(n:Fact)
      RETURN n, d.kind AS kind, d.at AS at, d.reason AS reason, d.undone_at AS undone_at
      UNION ALL
      MATCH (n:Fact {uuid: f.followed_by})
      RETURN n, 'followed' AS kind, n.created_at AS at, null AS reason, null AS undone_at
    }
    MATCH (n)<-[:STATES]-()<-[:PREVIOUS*0..1]-(by:Memory)
    WHERE (by:Deleting) = false AND coalesce(at <= $known_at AND n.created_at <= $known_at, true)
      AND coalesce(undone_at > $known_at, undone_at IS NULL)
      AND coalesce(n.expired_at > $known_at, n.expired_at IS NULL)
    WITH kind, at, reason, n, by, ($agent_id IS NULL OR coalesce(by.agent_id = $agent_id, false))
      AND ($run_id IS NULL OR coalesce(by.run_id = $run_id, false))
      AND ($project IS NULL OR coalesce(by.project = $project, false)) AS seen
    RETURN collect({id: n.uuid, kind: kind, at: toStringOrNull(at), statement: CASE WHEN seen THEN n.statement END,
      reason: CASE WHEN seen THEN reason END, memory: CASE WHEN seen THEN by.uuid END}) AS replaced_by
  }
  WITH f, replaced_by, head([one IN contradicted WHERE one.uuid = f.uuid]) AS contradiction ORDER BY f.seq
  RETURN collect(f {.uuid, .statement, .because, .revisit_when, valid_at: toStringOrNull(f.valid_at),
    invalid_at: toStringOrNull(f.invalid_at), replaced_by: replaced_by,
    contradicted_by: coalesce(contradiction.by, []), contradictions: coalesce(contradiction.found, 0)}) AS facts
}
CALL (m) {
  MATCH (m)-[:PREVIOUS]->(v:MemoryVersion) WHERE $history
  WITH v ORDER BY v.created_at
  RETURN collect(v {.text, .metadata, occurred_at: toStringOrNull(v.occurred_at),
    created_at: toStringOrNull(v.created_at), replaced_at: toStringOrNull(v.replaced_at)}) AS versions
}
RETURN collect({memory: m {.uuid, .text, .metadata, .kind, .role, .speaker, .project, .agent_id, .run_id, .noise,
  .user_id, .extraction, .recall_count, .content_hash, occurred_at: toStringOrNull(m.occurred_at),
  created_at: toStringOrNull(m.created_at), updated_at: toStringOrNull(m.updated_at),
  last_recalled_at: toStringOrNull(m.last_recalled_at)},
  facts: facts, versions: versions}) AS memories
