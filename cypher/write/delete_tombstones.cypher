// Delete tombstones whose points were removed twice, so that no slow writer can have written the points again.
// mode: write
// param: uuids list[string] - the tombstones
UNWIND $uuids AS uuid
MATCH (t:Tombstone {uuid: uuid})
DELETE t
