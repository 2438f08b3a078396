// Give memories other metadata, and queue them and their facts for the index.
// mode: write
// param: user_id string - partition
// param: memories list[map] - uuid, metadata (JSON)
// param: now datetime - instant of the change, UTC
UNWIND $memories AS described
MATCH (m:Memory {uuid: described.uuid}) WHERE m.user_id = $user_id
SET m.metadata = described.metadata, m.updated_at = $now, m.index_rev = m.index_rev + 1, m:Unindexed
WITH m
MATCH (m)-[:STATES]->(f:Fact)
SET f.index_rev = f.index_rev + 1, f:Unindexed
