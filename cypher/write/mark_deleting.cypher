// Make memories unreadable at once, and create the job that erases them.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the memories
// param: job map - properties of the job
CREATE (j:Job:Internal)
SET j = $job
WITH j
UNWIND $uuids AS uuid
MATCH (m:Memory {uuid: uuid}) WHERE m.user_id = $user_id
SET m:Deleting
