// Note that memories wait to be read.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the memories
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid})
WHERE m.user_id = $user_id
SET m.extraction = 'pending'
REMOVE m.extraction_error
