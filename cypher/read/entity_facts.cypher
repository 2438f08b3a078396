// Facts about entities, both ways, each with the memory that states it, and what replaced it as was known then. What
// replaced a fact shows its words only where it is within the scope itself. Those that held are read newest first, until
// there are enough.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's memories
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: uuids list[string] - the entities
// param: outgoing boolean - facts of which they are the subject
// param: incoming boolean - facts of which they are the object
// param: at datetime - instant in valid time, UTC
// param: known_at datetime or null - instant of knowledge, UTC, at which a fact stood and counts as replaced; null is now
// param: which string - held, replaced (another took their place by that instant), ended (by then, for any reason) or all
// param: history boolean - facts that an update expired too, and those that ended by then, as is known now
// param: skip integer - facts of each entity to leave out, the first ones
// param: top_k integer - most facts of each entity
// returns: uuid string
// returns: facts list[{uuid string, statement string, predicate string, because string or null, revisit_when string or
//   null, direction string, subject string or null, object string or null, valid_at datetime, invalid_at datetime or
//   null, memory_uuid string, memory_project string or null, memory_occurred_at datetime, replaced_by list[{id string,
//   kind string, at datetime, statement string or null, reason string or null}]}] - by valid_at descending, seq
//   descending; direction is out or in
// instants: valid_at, invalid_at, memory_occurred_at, at
UNWIND $uuids AS uuid
CALL (uuid) {
  CALL (uuid) {
    CALL (uuid) {
      WITH uuid WHERE $which = 'held' AND $outgoing
      MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = uuid AND f.valid_at <= $at
        AND ($history OR f.expired_at IS NULL AND (f.invalid_at IS NULL OR f.invalid_at > $at))
        AND coalesce(f.created_at <= $known_at, true) AND coalesce(f.expired_at > $known_at, true)
      MATCH (m:Memory)-[:PREVIOUS*0..1]->(owner)-[:STATES]->(f)
      WHERE (m:Deleting) = false
        AND ($agent_id IS NULL OR m.agent_id = $agent_id)
        AND ($run_id IS NULL OR m.run_id = $run_id)
        AND ($project IS NULL OR m.project = $project)
      RETURN f, m ORDER BY f.user_id DESC, f.subject_uuid DESC, f.valid_at DESC, f.seq DESC LIMIT $skip + $top_k
    }
    RETURN f, m, 'out' AS direction
    UNION ALL
    CALL (uuid) {
      WITH uuid WHERE $which = 'held' AND $incoming
      MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = uuid AND f.valid_at <= $at
        AND ($history OR f.expired_at IS NULL AND (f.invalid_at IS NULL OR f.invalid_at > $at))
        AND coalesce(f.created_at <= $known_at, true) AND coalesce(f.expired_at > $known_at, true)
      MATCH (m:Memory)-[:PREVIOUS*0..1]->(owner)-[:STATES]->(f)
      WHERE (m:Deleting) = false
        AND ($agent_id IS NULL OR m.agent_id = $agent_id)
        AND ($run_id IS NULL OR m.run_id = $run_id)
        AND ($project IS NULL OR m.project = $project)
      RETURN f, m ORDER BY f.user_id DESC, f.object_uuid DESC, f.valid_at DESC, f.seq DESC LIMIT $skip + $top_k
    }
    RETURN f, m, 'in' AS direction
    UNION ALL
    CALL (uuid) {
      MATCH (f:Fact) WHERE f.user_id = $user_id AND f.subject_uuid = CASE WHEN $which <> 'held' AND $outgoing THEN uuid END AND f.predicate >= ''
      RETURN f, 'out' AS direction
      UNION ALL
      MATCH (f:Fact) WHERE f.user_id = $user_id AND f.object_uuid = CASE WHEN $which <> 'held' AND $incoming THEN uuid END
      RETURN f, 'in' AS direction
    }
    WITH f, direction
    WHERE ($history OR f.expired_at IS NULL)
      AND coalesce(f.created_at <= $known_at, true) AND coalesce(f.expired_at > $known_at, true)
      AND ($which = 'all' OR (f.invalid_at <= $at OR f.invalid_at <= f.valid_at)
        AND ($which = 'ended' OR f.followed_by IS NOT NULL OR EXISTS { (f)-[:SUPERSEDED_BY]->() }))
    MATCH (m:Memory)-[:PREVIOUS*0..1]->(owner)-[:STATES]->(f)
    WHERE (m:Deleting) = false
      AND ($agent_id IS NULL OR m.agent_id = $agent_id)
      AND ($run_id IS NULL OR m.run_id = $run_id)
      AND ($project IS NULL OR m.project = $project)
    RETURN f, m, direction
  }
  WITH f, direction, m ORDER BY f.valid_at DESC, f.seq DESC, direction SKIP $skip LIMIT $top_k
  OPTIONAL MATCH (f)-[:SUBJECT]->(s:Entity)
  OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
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
    WITH kind, at, reason, n, ($agent_id IS NULL OR coalesce(by.agent_id = $agent_id, false))
      AND ($run_id IS NULL OR coalesce(by.run_id = $run_id, false))
      AND ($project IS NULL OR coalesce(by.project = $project, false)) AS seen
    RETURN collect({id: n.uuid, kind: kind, at: toStringOrNull(at), statement: CASE WHEN seen THEN n.statement END,
      reason: CASE WHEN seen THEN reason END}) AS replaced_by
  }
  WITH f, f {.uuid, .statement, .predicate, .because, .revisit_when, direction: direction, subject: s.name,
    object: coalesce(f.object_value, o.name), valid_at: toStringOrNull(f.valid_at),
    invalid_at: toStringOrNull(f.invalid_at), memory_uuid: m.uuid, memory_project: m.project,
    memory_occurred_at: toStringOrNull(m.occurred_at),
    replaced_by: replaced_by} AS fact
  ORDER BY f.valid_at DESC, f.seq DESC, direction
  RETURN collect(fact) AS facts
}
RETURN uuid, facts
