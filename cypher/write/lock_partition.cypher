// Take the partition's write lock, reserve numbers, and then look for the answer of an earlier attempt of the call. The
// first statement of every transaction that changes the partition.
// mode: write
// param: user_id string - partition
// param: slots integer - how many sequence numbers to reserve; 0 if nothing changes that search ranks by
// param: now datetime - what the caller's clock says, UTC
// param: request string or null - identity of the call; null for work that no client repeats
// returns: seq integer - the last number reserved
// returns: last_at datetime - instant of the write: now, or a microsecond after the write before if that is later
// returns: earlier string or null - what the earlier attempt answered
// returns: call string or null - fingerprint of the tool and arguments of the earlier attempt
MERGE (p:Partition {user_id: $user_id})
ON CREATE SET p:Internal
SET p.seq = coalesce(p.seq, 0) + $slots,
  p.last_at = CASE WHEN p.last_at >= $now THEN p.last_at + duration({microseconds: 1}) ELSE $now END
WITH p
OPTIONAL MATCH (r:Request {uuid: $request})
RETURN p.seq AS seq, p.last_at AS last_at, r.result AS earlier, r.call AS call
