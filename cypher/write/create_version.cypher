// Keep the present state of a memory as a version, with its mentions, and give the memory its new state.
// The two messages after one whose text changes are indexed again, because they are embedded together with it.
// mode: write
// param: uuid string - the memory
// param: version map - properties of the version
// param: properties map - properties of the memory that change
// param: moves_mentions boolean - whether the mentions belong to the old text
// param: keeps_facts boolean - whether the facts stay with the memory; then they are indexed again
MATCH (m:Memory {uuid: $uuid})
CREATE (m)-[:PREVIOUS]->(v:MemoryVersion)
SET v = $version
SET m += $properties, m.index_rev = m.index_rev + 1, m:Unindexed
WITH m, v
CALL (m) {
  MATCH (m)-[:STATES]->(f:Fact) WHERE $keeps_facts
  SET f.index_rev = f.index_rev + 1, f:Unindexed
}
WITH m, v
CALL (m) {
  MATCH (m)-[:NEXT*1..2]->(following:Memory) WHERE $moves_mentions
  SET following.index_rev = following.index_rev + 1, following:Unindexed
}
WITH m, v
MATCH (m)-[n:NAMES]->(a:Alias)
WHERE $moves_mentions AND n.as = 'mention'
CREATE (v)-[moved:NAMES]->(a)
SET moved = properties(n)
DELETE n
