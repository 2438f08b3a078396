// Take the partition's write lock, reserve numbers, and only then look for the answer of an earlier attempt of the call.
// mode: write
// param: user_id string - partition
// param: slots integer - how many sequence numbers to reserve
// param: uuid string - identity of the call
// returns: seq integer, the last number reserved; earlier string or null
MERGE (p:Partition {user_id: $user_id})
SET p.seq = coalesce(p.seq, 0) + $slots
WITH p
OPTIONAL MATCH (r:Request {uuid: $uuid})
RETURN p.seq AS seq, r.result AS earlier
