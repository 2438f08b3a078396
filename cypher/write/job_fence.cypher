// Whether a worker still holds a job, and the memories of the job as they are now; read under the partition's lock.
// mode: write
// param: user_id string - partition
// param: uuid string - the job
// param: worker string - who held it
// param: attempt integer - under which it was leased
// returns: bulk boolean
// returns: memories list[{uuid string, text string, role string or null, speaker string or null, agent_id string or
//   null, run_id string or null, project string or null, occurred_at datetime, created_at datetime, restates boolean}]
//   - those whose text is still the one that was read
// returns: changed list[string] - those with another text by now, which wait to be read
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
WHERE j.state = 'running' AND j.claimed_by = $worker AND j.attempt = $attempt
OPTIONAL MATCH (j)-[e:EXTRACTS]->(m:Memory)
WHERE (m:Deleting) = false
WITH j, e, m, m.content_hash = e.content_hash AS same ORDER BY e.position
RETURN coalesce(j.bulk, false) AS bulk, collect(CASE WHEN NOT same AND m.extraction = 'pending' THEN m.uuid END) AS changed,
  collect(CASE WHEN same THEN m {.uuid, .text, .role, .speaker, .project, .agent_id, .run_id, .occurred_at,
  .created_at, restates: EXISTS { MATCH (m)-[:STATES]->(:Fact) }} END) AS memories
