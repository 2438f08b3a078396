// Create jobs, each with its memories in order.
// mode: write
// param: user_id string - partition
// param: jobs list[map] - properties, and memories: their uuids
UNWIND $jobs AS job
CREATE (j:Job:Internal)
SET j = job.properties, j.user_id = $user_id
WITH j, job
UNWIND range(0, size(job.memories) - 1) AS position
MATCH (m:Memory {uuid: job.memories[position]})
WHERE m.user_id = $user_id
CREATE (j)-[:EXTRACTS {position: position, content_hash: m.content_hash}]->(m)
