// Delete jobs that are about no memory any more, or that do not say what they are.
// mode: write
// param: user_id string - partition
MATCH (j:Job)
WHERE j.user_id = $user_id AND ((j.kind IS NULL OR NOT j.kind IS :: STRING) OR (j.state IS NULL OR NOT j.state IS :: STRING)
  OR (j.kind IN ['extract', 'judge'] AND NOT EXISTS { (j)-[:EXTRACTS]->() }))
DETACH DELETE j
