// Note into which collection the graph is indexed, or which one is being built.
// mode: write
// param: name string - index or building
// param: collection_id string - identity of the collection; empty if anything may be missing in it
// param: total integer - how many nodes were queued for it
MERGE (s:IndexState {name: $name})
SET s:Internal, s.collection_id = $collection_id, s.total = $total
