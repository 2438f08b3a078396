// Queue failed and dead jobs again, with their failures forgotten.
// mode: write
// param: user_id string - partition
// param: uuid string or null - only this one
// returns: retried integer
MATCH (j:Job {user_id: $user_id})
WHERE j.state IN ['failed', 'dead', 'cancelled'] AND j.kind IN ['extract', 'judge']
  AND (j.uuid = $uuid OR ($uuid IS NULL AND j.state <> 'cancelled'))
SET j.state = 'pending', j.failures = 0
REMOVE j.next_attempt_at, j.finished_at
WITH j
CALL (j) {
  MATCH (j)-[:EXTRACTS]->(m:Memory)
  SET m.extraction = 'pending'
}
RETURN count(j) AS retried
