// How many nodes wait for the index, how many failed, and how many points wait for removal.
// mode: read
// returns: waiting integer, failing integer, tombstones integer
CALL () { MATCH (n:Unindexed) RETURN count(n) AS waiting, count(n.index_error) AS failing }
CALL () { MATCH (t:Tombstone) RETURN count(t) AS tombstones }
RETURN waiting, failing, tombstones
