// Which collection holds the graph (index), and which one is being built to replace it (building).
// mode: read
// returns: name string, collection_id string, total integer or null - total is how many nodes were queued for it
MATCH (s:IndexState)
RETURN s.name AS name, s.collection_id AS collection_id, s.total AS total
