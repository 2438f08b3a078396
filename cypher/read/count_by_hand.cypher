// How many memories of a scope a person made by hand, so that no tool finds them: they have no number or no uuid.
// mode: read
// param: user_id string - partition
// param: agent_id string or null - only this agent's
// param: run_id string or null - only this run's
// param: project string or null - only this project's
// returns: memories integer, unnumbered integer - unnumbered: those of them without a number
MATCH (m:Memory)
WHERE m.user_id = $user_id AND (m:Deleting) = false
  AND (m.seq IS NULL OR NOT m.seq IS :: INTEGER OR m.uuid IS NULL OR NOT m.uuid IS :: STRING)
  AND ($agent_id IS NULL OR m.agent_id = $agent_id)
  AND ($run_id IS NULL OR m.run_id = $run_id)
  AND ($project IS NULL OR m.project = $project)
RETURN count(m) AS memories, count(CASE WHEN NOT coalesce(m.seq >= 0, false) THEN 1 END) AS unnumbered
