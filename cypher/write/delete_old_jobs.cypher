// Delete jobs that were done or cancelled long ago, some at a time; dead jobs stay until somebody looks at them.
// mode: write
// param: before datetime - those that ended before then
// param: top_k integer - most jobs removed
// returns: removed integer
MATCH (j:Job)
WHERE j.state IN ['done', 'cancelled'] AND j.kind IN ['extract', 'judge'] AND j.finished_at < $before
WITH j LIMIT $top_k
DETACH DELETE j
RETURN count(*) AS removed
