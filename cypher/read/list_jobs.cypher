// A user's jobs, unfinished ones first, newest first, and how many there are in each state.
// mode: read
// param: user_id string - partition
// param: state string or null - only those in this state
// param: top_k integer - most jobs returned
// returns: jobs list[Job], states list[{state string, jobs integer}]
CALL () {
  MATCH (j:Job {user_id: $user_id})
  WHERE $state IS NULL OR j.state = $state
  WITH j ORDER BY j.state IN ['done', 'cancelled'], j.created_at DESC LIMIT $top_k
  RETURN collect(j {.*}) AS jobs
}
CALL () {
  MATCH (j:Job {user_id: $user_id})
  WITH j.state AS state, count(j) AS many ORDER BY state
  RETURN collect({state: state, jobs: many}) AS states
}
RETURN jobs, states
