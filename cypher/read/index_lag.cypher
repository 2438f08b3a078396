// How many nodes wait for the index, how many failed and why one of them did, and how many points wait for removal.
// mode: read
// returns: waiting integer, failing integer, error string or null, tombstones integer
CALL () { MATCH (n:Unindexed) RETURN count(n) AS waiting, count(n.index_error) AS failing, min(n.index_error) AS error }
CALL () { MATCH (t:Tombstone) RETURN count(t) AS tombstones }
RETURN waiting, failing, error, tombstones
