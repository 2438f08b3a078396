// Which collection the graph was indexed into (index), and which one it is being indexed into anew (building).
// mode: read
// returns: name string, collection_id string, total integer or null - total is how many nodes were queued for it
MATCH (s:IndexState)
RETURN s.name AS name, s.collection_id AS collection_id, s.total AS total
