// Mark points for removal from the index.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - nodes that were deleted
// param: now datetime - instant of the deletion, UTC
UNWIND $uuids AS uuid
MERGE (t:Tombstone {uuid: uuid})
SET t:Internal, t:Pending, t.user_id = $user_id, t.created_at = $now
REMOVE t.applied
