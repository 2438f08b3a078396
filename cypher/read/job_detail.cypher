// One job and the memories that it is about.
// mode: read
// param: user_id string - partition
// param: uuid string - the job
// returns: job Job, memories list[string]
MATCH (j:Job {uuid: $uuid, user_id: $user_id})
CALL (j) {
  MATCH (j)-[e:EXTRACTS]->(m:Memory)
  WHERE (m:Deleting) = false
  WITH m, e ORDER BY e.position
  RETURN collect(m.uuid) AS memories
}
RETURN j {.*} AS job, memories
