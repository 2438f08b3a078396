// How far the reading of memories is.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - memories
// returns: extraction string
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid})
WHERE m.user_id = $user_id AND (m:Deleting) = false
RETURN DISTINCT m.extraction AS extraction
