// Take memories out of jobs that have not read them yet, and delete jobs that have no other memory.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the memories
UNWIND $uuids AS uuid
MATCH (j:Job)-[e:EXTRACTS]->(m:Memory {uuid: uuid})
WHERE m.user_id = $user_id AND j.state IN ['pending', 'running', 'failed', 'dead', 'cancelled']
DELETE e
WITH DISTINCT j WHERE NOT EXISTS { MATCH (j)-[:EXTRACTS]->(:Memory) }
DETACH DELETE j
