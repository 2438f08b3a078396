// Cancel a job; a worker that holds it can commit nothing any more.
// mode: write
// param: user_id string - partition
// param: uuid string - the job
// param: now datetime - instant, UTC
// returns: uuid string
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
WHERE j.kind IN ['extract', 'judge'] AND j.state IN ['pending', 'running', 'failed', 'dead']
SET j.state = 'cancelled', j.finished_at = $now
REMOVE j.claimed_by, j.lease_until, j.next_attempt_at
WITH j
CALL (j) {
  MATCH (j)-[:EXTRACTS]->(m:Memory)
  SET m.extraction = CASE j.kind WHEN 'judge' THEN 'done' ELSE 'cancelled' END,
    m.extraction_error = 'the job was cancelled'
}
RETURN j.uuid AS uuid
