// Let memories state facts.
// mode: write
// param: user_id string - partition
// param: links list[map] - memory_uuid and fact_uuid
UNWIND $links AS link
MATCH (m:Memory {uuid: link.memory_uuid}) WHERE m.user_id = $user_id
MATCH (f:Fact {uuid: link.fact_uuid}) WHERE f.user_id = $user_id
CREATE (m)-[:STATES]->(f)
