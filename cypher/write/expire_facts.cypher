// Hand facts of a memory to the version that keeps their text; they were known until now, and are not from now on.
// mode: write
// param: uuids list[string] - the facts
// param: version_uuid string - the version that states them from now on
// param: now datetime - instant of the update, UTC
MATCH (v:MemoryVersion {uuid: $version_uuid})
UNWIND $uuids AS uuid
MATCH (m:Memory)-[s:STATES]->(f:Fact {uuid: uuid})
DELETE s
CREATE (v)-[:STATES]->(f)
SET f.expired_at = $now, f.index_rev = f.index_rev + 1, f:Unindexed
