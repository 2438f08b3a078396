// Which of these nodes still wait for the index.
// mode: read
// param: uuids list[string] - uuids
// returns: uuid string
UNWIND $uuids AS uuid
MATCH (n:Unindexed {uuid: uuid})
RETURN uuid
