// How much of what was queued in bulk still waits for the index, and how much of that could not be embedded.
// mode: read
// returns: waiting integer, failing integer - those failing wait too
MATCH (n:Unindexed) WHERE n.bulk
RETURN count(n) AS waiting, count(n.index_error) AS failing
