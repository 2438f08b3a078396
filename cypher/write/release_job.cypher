// Hand back a job that did not succeed, to be tried again or dead; its memories keep the reason.
// mode: write
// param: user_id string - partition
// param: uuid string - the job
// param: worker string - who held it
// param: attempt integer - under which claim
// param: state string - pending, failed or dead
// param: failed boolean - whether the attempt counts as a failure of the job itself
// param: error string - why, without any text of a memory
// param: next_attempt_at datetime or null - earliest instant of the next attempt
// param: extraction string or null - new extraction state of its memories; null leaves it as it is
// param: now datetime - instant, UTC
// returns: uuid string
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
SET j.uuid = j.uuid
WITH j
WHERE j.state = 'running' AND j.claimed_by = $worker AND j.attempt = $attempt
SET j.state = $state, j.error = $error, j.next_attempt_at = $next_attempt_at,
  j.failures = coalesce(j.failures, 0) + CASE WHEN $failed THEN 1 ELSE 0 END,
  j.finished_at = CASE $state WHEN 'dead' THEN $now END
REMOVE j.claimed_by, j.lease_until
WITH j
CALL (j) {
  MATCH (j)-[:EXTRACTS]->(m:Memory)
  SET m.extraction = coalesce($extraction, m.extraction), m.extraction_error = $error
}
RETURN j.uuid AS uuid
