// Take nodes of a partition off the queue if the indexed revision is still the current one. The partition is locked first,
// as by every write: otherwise this one and an add could each wait for a node that the other holds. Then each node is
// locked by writing its own uuid, and its revision read.
// mode: write
// param: user_id string - partition
// param: nodes list[map] - uuid, rev
// returns: uuid string
OPTIONAL MATCH (p:Partition {user_id: $user_id})
SET p.user_id = p.user_id
WITH count(*) AS locked
UNWIND $nodes AS indexed
MATCH (n:Unindexed {uuid: indexed.uuid})
SET n.uuid = n.uuid
WITH n, indexed WHERE n.index_rev = indexed.rev
REMOVE n:Unindexed
SET n.bulk = null, n.index_attempts = null, n.index_error = null, n.index_retry_at = null
RETURN n.uuid AS uuid
