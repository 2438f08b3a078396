// Keep the present state of a memory as a version, with its mentions, and give the memory its new state.
// mode: write
// param: uuid string - the memory
// param: version map - properties of the version
// param: properties map - properties of the memory that change
// param: replaces_facts boolean - whether the mentions and facts belong to the old text; else the facts are indexed anew
MATCH (m:Memory {uuid: $uuid})
CREATE (m)-[:PREVIOUS]->(v:MemoryVersion)
SET v = $version
SET m += $properties, m.index_rev = m.index_rev + 1, m:Unindexed
WITH m, v
CALL (m) {
  MATCH (m)-[:STATES]->(f:Fact) WHERE NOT $replaces_facts
  SET f.index_rev = f.index_rev + 1, f:Unindexed
}
WITH m, v
MATCH (m)-[n:NAMES]->(a:Alias)
WHERE $replaces_facts AND n.as = 'mention'
CREATE (v)-[moved:NAMES]->(a)
SET moved = properties(n)
DELETE n
