// Make the memories of a scope unreadable at once, and create the job that erases them.
// mode: write
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// param: until integer - only memories up to this sequence number
// param: job map - properties of the job
// returns: marked integer
MATCH (m:Memory)
WHERE m.user_id = $user_id AND m.seq <= $until AND (m:Deleting) = false
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
SET m:Deleting
WITH count(m) AS marked
CREATE (j:Job:Internal)
SET j = $job
RETURN marked
