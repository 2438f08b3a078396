// Note that the points of these tombstones were removed.
// mode: write
// param: uuids list[string] - the tombstones
UNWIND $uuids AS uuid
MATCH (t:Tombstone {uuid: uuid})
SET t.applied = true
REMOVE t:Pending
