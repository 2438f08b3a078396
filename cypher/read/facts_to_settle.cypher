// Current facts that new ones may replace, as far as their writer may read: its own agent's and run's or nobody's, of its
// project or of the person. Each stands once for each new fact and each reason.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - the writer's
// param: run_id string or null - the writer's
// param: project string or null - the writer's
// param: stated list[string] - the new facts
// param: near list[map] - new, old: facts whose words or meaning are near
// param: worded list[map] - new, memory: memories that share words with a new fact
// param: opposites list[list[string]] - pairs of predicates that contradict each other; NOT_X is one to X always
// param: families list[list[string]] - predicates that say by what means something is done, by family
// param: one_holder list[string] - predicates of which an object has one subject at a time
// param: inverses list[list[string]] - pairs of predicates that say the same the other way round
// param: now datetime - instant in valid time, UTC
// param: per_fact integer - most facts of each new fact and reason, newest first
// returns: new string, why string, uuid string, statement string, predicate string, subject string or null, object string
//   or null, valid_at datetime, seq integer - why is same subject, opposite, family, same object or similar
UNWIND $stated AS stated
MATCH (n:Fact {uuid: stated}) WHERE n.user_id = $user_id
CALL (n) {
  CALL (n) {
    MATCH (f:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: n.predicate})
    WITH f ORDER BY f.seq DESC LIMIT $per_fact
    RETURN f, 'same subject' AS why
    UNION
    UNWIND [pair IN $opposites WHERE pair[0] = n.predicate | pair[1]] +
      [CASE WHEN n.predicate STARTS WITH 'NOT_' THEN substring(n.predicate, 4) ELSE 'NOT_' + n.predicate END] AS negated
    CALL (n, negated) {
      MATCH (f:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: negated, object_uuid: n.object_uuid})
      RETURN f
      UNION ALL
      UNWIND CASE WHEN n.object_uuid IS NULL THEN [negated] ELSE [] END AS unrelated
      MATCH (f:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: unrelated})
      RETURN f
    }
    WITH f WHERE f.object_key = n.object_key
    RETURN f, 'opposite' AS why
    UNION
    UNWIND [family IN $families WHERE n.predicate IN family] AS family
    UNWIND [kin IN family WHERE kin <> n.predicate] AS kin
    MATCH (f:Fact {user_id: $user_id, subject_uuid: n.subject_uuid, predicate: kin})
    WITH f ORDER BY f.seq DESC LIMIT $per_fact
    RETURN f, 'family' AS why
    UNION
    UNWIND CASE WHEN n.predicate IN $one_holder THEN [n.predicate] ELSE [] END AS held  // a tool has many other facts
    MATCH (f:Fact {user_id: $user_id, object_uuid: n.object_uuid})
    WHERE f.predicate = held
    WITH f ORDER BY f.seq DESC LIMIT $per_fact
    RETURN f, 'same object' AS why
    UNION
    UNWIND [pair IN $inverses WHERE pair[0] = n.predicate AND pair[1] IN $one_holder | pair[1]] AS inverse
    MATCH (f:Fact {user_id: $user_id, object_uuid: n.subject_uuid})
    WHERE f.predicate = inverse AND f.subject_uuid <> n.object_uuid
    WITH f ORDER BY f.seq DESC LIMIT $per_fact
    RETURN f, 'same object' AS why
    UNION
    UNWIND [pair IN $inverses WHERE pair[0] = n.predicate AND n.predicate IN $one_holder | pair[1]] AS inverse
    MATCH (f:Fact {user_id: $user_id, subject_uuid: n.object_uuid, predicate: inverse})
    WHERE f.object_uuid <> n.subject_uuid
    WITH f ORDER BY f.seq DESC LIMIT $per_fact
    RETURN f, 'same object' AS why
    UNION
    UNWIND [pair IN $near WHERE pair.new = n.uuid | pair.old] AS old
    MATCH (f:Fact {uuid: old}) WHERE f.user_id = $user_id
    RETURN f, 'similar' AS why
    UNION
    UNWIND [pair IN $worded WHERE pair.new = n.uuid | pair.memory] AS memory
    MATCH (m:Memory {uuid: memory})-[:STATES]->(f:Fact) WHERE m.user_id = $user_id AND (m:Deleting) = false
    RETURN f, 'similar' AS why
  }
  WITH n, f, why
  WHERE NOT f.uuid IN $stated AND f.claim_key <> n.claim_key AND f.expired_at IS NULL
    AND f.valid_at <= $now AND (f.invalid_at IS NULL OR f.invalid_at > $now)
    AND (f.scope = 'user' OR f.scope = 'project:' + coalesce($project, ''))
  MATCH (m:Memory)-[:STATES]->(f)
  WHERE (m:Deleting) = false
    AND ($agent_id IS NULL OR m.agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($run_id IS NULL OR m.run_id IS NULL OR m.run_id = $run_id)
  OPTIONAL MATCH (f)-[:SUBJECT]->(s:Entity)
  OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
  RETURN f, why, s.name AS subject, coalesce(f.object_value, o.name) AS object
}
RETURN n.uuid AS new, why, f.uuid AS uuid, f.statement AS statement, f.predicate AS predicate, subject, object,
  f.valid_at AS valid_at, f.seq AS seq
