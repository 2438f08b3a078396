// Note that the contentions of a job were judged, and close the job; nothing is pending for its memories.
// mode: write
// param: user_id string - partition
// param: uuid string - the job
// param: dropped list[string] - what was left out, in words without any text of a memory
// param: now datetime - instant, UTC
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
SET j.state = 'done', j.finished_at = $now, j.dropped = CASE $dropped WHEN [] THEN null ELSE $dropped END
REMOVE j.claimed_by, j.lease_until, j.error, j.next_attempt_at
WITH j
MATCH (j)-[:EXTRACTS]->(m:Memory)
SET m.extraction = 'done'
REMOVE m.extraction_error
