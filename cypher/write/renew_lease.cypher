// Renew the leases of jobs that a worker still runs; a job that was cancelled or taken over is not returned.
// mode: write
// param: leases list[map] - uuid, worker and attempt
// param: lease_s integer - length of the lease in seconds, by the database's clock
// returns: uuid string
UNWIND $leases AS lease
MATCH (j:Job {uuid: lease.uuid})
SET j.uuid = j.uuid
WITH j, lease
WHERE j.state = 'running' AND j.claimed_by = lease.worker AND j.attempt = lease.attempt
SET j.lease_until = datetime() + duration({seconds: $lease_s})
RETURN j.uuid AS uuid
