// Forget tombstones whose points were removed a second time, so that no slow writer can have brought them back.
// mode: write
// param: uuids list[string] - the tombstones
UNWIND $uuids AS uuid
MATCH (t:Tombstone {uuid: uuid})
DELETE t
