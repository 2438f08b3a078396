// Let a partition count on from the highest number that it has given.
// mode: write
// param: user_id string - partition
MERGE (p:Partition {user_id: $user_id})
ON CREATE SET p:Internal
WITH p
CALL () {
  MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq IS :: INTEGER NOT NULL RETURN max(m.seq) AS of_memories
}
CALL () {
  MATCH (f:Fact) WHERE f.user_id = $user_id AND f.seq IS :: INTEGER NOT NULL RETURN max(f.seq) AS of_facts
}
WITH p, [seq IN [of_memories, of_facts, CASE WHEN p.seq IS :: INTEGER NOT NULL THEN p.seq END, 0] WHERE seq IS NOT NULL] AS seqs
SET p.seq = reduce(highest = 0, seq IN seqs | CASE WHEN seq > highest THEN seq ELSE highest END)
