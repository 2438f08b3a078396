// Lease jobs to one worker: jobs that are due, or whose worker died, and those that this very request has leased already:
// then it is repeated because nobody knows whether its commit was carried out. A job that another worker took in the
// meantime is left out. Leases are measured by the database's clock, which all workers share.
// mode: write
// param: worker string - who leases them: a worker, and one request of it
// param: kinds list[string] - kinds of work that are not paused
// param: slots integer - most jobs
// param: bulk_slots integer - most bulk jobs among them
// param: now datetime - instant, UTC
// param: held list[string] - jobs that this worker still runs, however old their leases are
// param: lease_s integer - length of the lease in seconds
// returns: uuid string, user_id string, kind string, attempt integer, failures integer, bulk boolean
CALL () {
  MATCH (j:Job)
  WHERE j.kind IN $kinds AND NOT coalesce(j.bulk, false)
    AND ((j.state IN ['pending', 'failed'] AND coalesce(j.next_attempt_at, $now) <= $now)
      OR (j.state = 'running' AND (j.claimed_by = $worker OR (j.lease_until < datetime() AND NOT j.uuid IN $held))))
  RETURN j ORDER BY coalesce(j.claimed_by = $worker, false) DESC, j.created_at LIMIT $slots
  UNION ALL
  MATCH (j:Job)
  WHERE j.kind IN $kinds AND j.bulk
    AND ((j.state IN ['pending', 'failed'] AND coalesce(j.next_attempt_at, $now) <= $now)
      OR (j.state = 'running' AND (j.claimed_by = $worker OR (j.lease_until < datetime() AND NOT j.uuid IN $held))))
  RETURN j ORDER BY coalesce(j.claimed_by = $worker, false) DESC, j.created_at LIMIT $bulk_slots
}
WITH j ORDER BY coalesce(j.claimed_by = $worker, false) DESC, coalesce(j.bulk, false), j.created_at LIMIT $slots
SET j.uuid = j.uuid
WITH j
WHERE (j.state IN ['pending', 'failed'] AND coalesce(j.next_attempt_at, $now) <= $now)
  OR (j.state = 'running' AND (j.claimed_by = $worker OR (j.lease_until < datetime() AND NOT j.uuid IN $held)))
SET j.failures = coalesce(j.failures, 0) + CASE WHEN j.state = 'running' AND j.claimed_by <> $worker THEN 1 ELSE 0 END,
  j.state = 'running', j.attempt = coalesce(j.attempt, 0) + 1, j.claimed_by = $worker, j.lease_until = datetime() + duration({seconds: $lease_s}),
  j.started_at = $now
RETURN j.uuid AS uuid, j.user_id AS user_id, j.kind AS kind, j.attempt AS attempt, j.failures AS failures,
  coalesce(j.bulk, false) AS bulk
