// Take nodes off the queue if the indexed revision is still the current one. The self-assignment takes the lock first.
// mode: write
// param: nodes list[map] - uuid, rev
// returns: uuid string
UNWIND $nodes AS indexed
MATCH (n:Unindexed {uuid: indexed.uuid})
SET n.uuid = n.uuid
WITH n, indexed WHERE n.index_rev = indexed.rev
REMOVE n:Unindexed
SET n.bulk = null, n.index_attempts = null, n.index_error = null, n.index_retry_at = null
RETURN n.uuid AS uuid
