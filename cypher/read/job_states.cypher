// How many jobs there are in each state.
// mode: read
// returns: state string, jobs integer
MATCH (j:Job)
RETURN j.state AS state, count(j) AS jobs ORDER BY state
