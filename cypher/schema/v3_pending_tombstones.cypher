// Tombstones whose points still have to be removed, by a label: the others are many after a large deletion.
// mode: schema
MATCH (t:Tombstone) WHERE t.applied IS NULL AND NOT t:Pending
CALL (t) { SET t:Pending } IN TRANSACTIONS OF 1000 ROWS
