// Note that a job is done.
// mode: write
// param: uuid string - the job
// param: now datetime - instant, UTC
MATCH (j:Job {uuid: $uuid})
SET j.state = 'done', j.finished_at = $now
