// Which collection the graph was indexed into.
// mode: read
// returns: collection_id string
MATCH (s:IndexState {name: 'index'})
RETURN s.collection_id AS collection_id
