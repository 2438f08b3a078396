// Put a node that could not be embedded to the back of the queue, with the reason. Its partition is locked first, as by
// every write.
// mode: write
// param: user_id string - partition
// param: uuid string - the node
// param: error string - what failed, without the node's text
// param: now datetime - instant of the failure, UTC
// returns: attempts integer
OPTIONAL MATCH (p:Partition {user_id: $user_id})
SET p.user_id = p.user_id
WITH count(*) AS locked
MATCH (n:Unindexed {uuid: $uuid})
SET n.index_attempts = coalesce(n.index_attempts, 0) + 1, n.index_error = $error
SET n.index_retry_at = $now + duration({seconds: toInteger(10 * 2 ^ CASE WHEN n.index_attempts > 10 THEN 10 ELSE n.index_attempts END)})
RETURN n.index_attempts AS attempts
