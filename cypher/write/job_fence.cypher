// Whether a job is still this worker's, and its memories as they are now; read under the partition's lock.
// mode: write
// param: user_id string - partition
// param: uuid string - the job
// param: worker string - who held it
// param: attempt integer - under which claim
// returns: bulk boolean, memories list[map], those whose text is still the one that was read
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
WHERE j.state = 'running' AND j.claimed_by = $worker AND j.attempt = $attempt
OPTIONAL MATCH (j)-[e:EXTRACTS]->(m:Memory)
WHERE NOT m:Deleting AND m.content_hash = e.content_hash
WITH j, e, m ORDER BY e.position
RETURN coalesce(j.bulk, false) AS bulk, collect(m {.uuid, .text, .project, .agent_id, .run_id, .speaker, .occurred_at,
  .created_at, restates: EXISTS { MATCH (m)-[:STATES]->(:Fact) }}) AS memories
