// Create memories, each after the message before it in the same conversation, and queue them for the index.
// mode: write
// param: memories list[map] - uuid, properties, and previous_uuid or null
UNWIND $memories AS memory
CREATE (m:Memory:Unindexed)
SET m = memory.properties
WITH m, memory
MATCH (previous:Memory {uuid: memory.previous_uuid})
CREATE (previous)-[:NEXT]->(m)
