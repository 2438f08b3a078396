// Note which collection the graph is indexed into.
// mode: write
// param: collection_id string - identity of the collection
MERGE (s:IndexState {name: 'index'})
SET s.collection_id = $collection_id
