// Take the partition's write lock and reserve numbers; the first statement of every transaction that changes it.
// mode: write
// param: user_id string - partition
// param: slots integer - how many sequence numbers to reserve; none where nothing changes that search ranks by
// returns: seq integer, the last number reserved
MERGE (p:Partition {user_id: $user_id})
SET p.seq = coalesce(p.seq, 0) + $slots
RETURN p.seq AS seq
