// Which facts still stand, under the partition's lock.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - facts
// returns: uuid string, valid_at datetime
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid})<-[:STATES]-(m:Memory)
WHERE f.user_id = $user_id AND f.expired_at IS NULL AND (m:Deleting) = false
RETURN f.uuid AS uuid, f.valid_at AS valid_at
