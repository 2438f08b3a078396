// Take the partition's write lock, reserve numbers, and then look for the answer of an earlier attempt of the call. The
// first statement of every transaction that changes the partition. Its own
// number is written first, which takes the lock. A partition that a hand deleted or set back counts on from its nodes.
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
SET p.user_id = p.user_id
WITH p
CALL (p) {
  WITH p WHERE p.seq IS NULL OR NOT p.seq IS :: INTEGER
    OR EXISTS { MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq > p.seq }
  CALL () {
    MATCH (n:Memory) WHERE n.user_id = $user_id AND n.seq >= 0
    RETURN n
    UNION ALL
    MATCH (n:Fact) WHERE n.user_id = $user_id AND n.claim_key >= ''
    RETURN n
  }
  WITH p, max(CASE WHEN n.seq IS :: INTEGER NOT NULL THEN n.seq END) AS highest,
    max(CASE WHEN n.created_at IS :: ZONED DATETIME NOT NULL THEN n.created_at END) AS last_at
  SET p.seq = coalesce(highest, 0), p.last_at = coalesce(last_at, p.last_at)
  RETURN count(*) AS recounted
}
SET p.seq = CASE WHEN p.seq IS :: INTEGER NOT NULL THEN p.seq ELSE 0 END + $slots,
  p.last_at = CASE WHEN p.last_at >= $now THEN p.last_at + duration({microseconds: 1}) ELSE $now END
WITH p
OPTIONAL MATCH (r:Request {uuid: $request})
RETURN p.seq AS seq, p.last_at AS last_at, r.result AS earlier, r.call AS call
