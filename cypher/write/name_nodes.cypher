// Name nodes that have no name yet. The index holds no names, so nothing is queued for it.
// mode: write
// param: nodes list[map] - uuid and name
UNWIND $nodes AS named
CALL (named) {
  MATCH (n:Memory {uuid: named.uuid}) RETURN n
  UNION ALL
  MATCH (n:MemoryVersion {uuid: named.uuid}) RETURN n
  UNION ALL
  MATCH (n:Fact {uuid: named.uuid}) RETURN n
}
WITH n, named WHERE n.name IS NULL
SET n.name = named.name
