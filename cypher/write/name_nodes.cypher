// Name nodes after what stands in them, unless that has changed since. The index holds no names, so nothing is queued
// for it.
// mode: write
// param: nodes list[map] - uuid, words and name
UNWIND $nodes AS named
CALL (named) {
  MATCH (n:Memory {uuid: named.uuid}) RETURN n, n.text AS words
  UNION ALL
  MATCH (n:MemoryVersion {uuid: named.uuid}) RETURN n, n.text AS words
  UNION ALL
  MATCH (n:Fact {uuid: named.uuid}) RETURN n, n.statement AS words
}
WITH n, named WHERE toStringOrNull(words) = named.words
SET n.name = named.name
