// Note which collection the graph is indexed into, or is being indexed into anew.
// mode: write
// param: name string - index or building
// param: collection_id string - identity of the collection; empty: it may lack anything
// param: total integer - how many nodes were queued for it
MERGE (s:IndexState {name: $name})
SET s.collection_id = $collection_id, s.total = $total
