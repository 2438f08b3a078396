// What has changed within a scope since an instant, the last first: facts that are new, and those that were superseded,
// corrected or ended by a date, with what took their place, who said so and why.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only changes that this agent's memories had a part in
// param: run_id string or null - only those of this run's
// param: project string or null - only those of this project's
// param: since datetime - only changes from then on
// param: now datetime - ends that are yet to come are left out
// param: skip integer - rows to leave out, the first ones
// param: top_k integer - most rows returned
// returns: at datetime - when it was told; of a fact that ended by its own date, that date
// returns: how string - new, superseded, corrected or ended
// returns: uuid string, statement string - of the fact that changed
// returns: new_uuid string or null, new_statement string or null - of the fact that took its place
// returns: decided_by string - caller, a model, a person, or date
// returns: reason string or null
// returns: memory_uuid string, project string or null, agent_id string or null - of the memory that said so
// instants: at
// order: at descending, uuid
CALL () {
  MATCH (f:Fact)<-[:STATES]-(m:Memory)
  WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.created_at >= $since AND f.expired_at IS NULL
    AND (f.invalid_at IS NULL OR f.invalid_at > $now AND f.invalid_at > f.valid_at) AND (m:Deleting) = false
    AND ($agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($run_id IS NULL OR m.run_id = $run_id)
    AND ($project IS NULL OR m.project = $project)
    AND NOT EXISTS { MATCH (:Fact)-[d:SUPERSEDED_BY]->(f) WHERE d.undone_at IS NULL }
  RETURN f.created_at AS at, 'new' AS how, f AS fact, null AS new, coalesce(f.model, f.origin) AS decided_by,
    null AS reason, m AS memory
  UNION ALL
  MATCH (f:Fact)-[d:SUPERSEDED_BY]->(n:Fact)<-[:STATES]-(m:Memory)
  WHERE f.user_id = $user_id AND f.claim_key >= '' AND d.at >= $since AND d.undone_at IS NULL AND n.expired_at IS NULL
    AND (m:Deleting) = false
  MATCH (was:Memory)-[:PREVIOUS*0..1]->()-[:STATES]->(f)
  WHERE (was:Deleting) = false
    AND ($agent_id IS NULL OR $agent_id IN [m.agent_id, was.agent_id])
    AND ($run_id IS NULL OR $run_id IN [m.run_id, was.run_id])
    AND ($project IS NULL OR $project IN [m.project, was.project])
  RETURN d.at AS at, d.kind AS how, f AS fact, n AS new, coalesce(d.judge, 'caller') AS decided_by,
    d.reason AS reason, m AS memory
  UNION ALL
  MATCH (f:Fact)<-[:STATES]-(m:Memory)
  WHERE f.user_id = $user_id AND f.claim_key >= '' AND f.expired_at IS NULL AND f.invalid_at >= $since
    AND f.invalid_at <= $now AND (m:Deleting) = false
    AND ($agent_id IS NULL OR m.agent_id = $agent_id)
    AND ($run_id IS NULL OR m.run_id = $run_id)
    AND ($project IS NULL OR m.project = $project)
    AND NOT EXISTS { MATCH (f)-[d:SUPERSEDED_BY]->(:Fact) WHERE d.undone_at IS NULL }
  OPTIONAL MATCH (n:Fact {uuid: f.followed_by}) WHERE n.expired_at IS NULL
  RETURN f.invalid_at AS at, 'ended' AS how, f AS fact, n AS new, 'date' AS decided_by, null AS reason, m AS memory
}
RETURN toStringOrNull(at) AS at, how, fact.uuid AS uuid, fact.statement AS statement, new.uuid AS new_uuid,
  new.statement AS new_statement, decided_by, reason, memory.uuid AS memory_uuid, memory.project AS project,
  memory.agent_id AS agent_id
ORDER BY at DESC, uuid SKIP $skip LIMIT $top_k
