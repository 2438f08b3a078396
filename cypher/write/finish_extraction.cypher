// Note that the memories of a job were read and which of them are noise, and close the job.
// A memory that becomes noise, or ceases to be, is queued for the index with its facts.
// mode: write
// param: user_id string - partition
// param: uuid string - the job
// param: memories list[map] - uuid, extraction, noise_reason or null
// param: dropped list[string] - why parts of the answer could not be used, without any text of a memory
// param: now datetime - instant, UTC
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
SET j.state = 'done', j.finished_at = $now, j.dropped = CASE $dropped WHEN [] THEN null ELSE $dropped END
REMOVE j.claimed_by, j.lease_until, j.error, j.next_attempt_at
WITH j
UNWIND $memories AS memory
MATCH (m:Memory {uuid: memory.uuid})
WHERE m.user_id = $user_id
WITH m, memory, coalesce(m.noise, false) <> (memory.noise_reason IS NOT NULL) AS turned
SET m.extraction = memory.extraction, m.noise = memory.noise_reason IS NOT NULL, m.noise_reason = memory.noise_reason
REMOVE m.extraction_error
WITH m, turned WHERE turned
OPTIONAL MATCH (m)-[:STATES]->(f:Fact)
WITH m, collect(f) AS facts
UNWIND [m] + facts AS n
SET n.index_rev = n.index_rev + 1, n:Unindexed
