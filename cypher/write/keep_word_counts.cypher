// Keep how common words are in a partition, unless memories were erased since they were read: some may be among them.
// The partition is locked before it is asked whether any were.
// mode: write
// param: user_id string - partition
// param: seq integer - how far the partition had come before they were read
// param: counts string - the counts
MATCH (p:Partition {user_id: $user_id})
SET p.user_id = p.user_id
WITH p WHERE coalesce(p.erased_seq, 0) <= $seq
MERGE (w:WordCounts {user_id: $user_id})
ON CREATE SET w:Internal
SET w.counted_seq = $seq, w.word_counts = $counts
