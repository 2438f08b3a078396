// Delete aliases that nothing mentions any more, then entities without alias and fact. A merged entity stays as long as
// one of the names that it had. An alias that nothing mentions as it is written gets a spelling that is left.
// The facts about entities that stay are counted again.
// mode: write
// param: user_id string - partition
// param: keys list[string] - alias keys that lost a mention
// param: entities list[string] - entities that lost a mention or a fact
// returns: removed list[string], kept list[string]
CALL () {
  UNWIND $keys AS key
  MATCH (a:Alias {user_id: $user_id, key: key})
  WHERE NOT EXISTS { MATCH ()-[:NAMES]->(a) }
  DETACH DELETE a
}
CALL () {
  UNWIND $keys AS key
  MATCH (a:Alias {user_id: $user_id, key: key})
  WHERE NOT EXISTS { MATCH ()-[:NAMES {name: a.name}]->(a) }
  CALL (a) {
    MATCH (a)<-[n:NAMES]-()
    WITH n.name AS name, count(*) AS uses ORDER BY uses DESC, name
    RETURN collect(name)[0] AS best
  }
  SET a.name = best
}
CALL () {
  UNWIND $entities AS uuid
  MATCH (:Entity {uuid: uuid})<-[:MERGED_INTO*1..]-(below:Entity)
  WITH DISTINCT below
  MATCH (below)-[merge:MERGED_INTO]->(:Entity)
  SET merge.keys = COLLECT {
    UNWIND merge.keys AS key
    MATCH (a:Alias {user_id: $user_id, key: key})
    RETURN a.key
  }
  RETURN collect({node: below, keys: merge.keys}) AS merged
}
CALL (merged) {
  UNWIND $entities AS uuid
  MATCH (e:Entity {uuid: uuid})
  WHERE NOT EXISTS { MATCH (:Alias)-[:REFERS_TO]->(e) }
    AND NOT EXISTS { MATCH (:Fact)-[:SUBJECT|OBJECT]->(e) }
    AND NOT EXISTS { MATCH (e)-[:MERGED_INTO]->(:Entity) }
  RETURN collect(e) AS nameless
}
WITH merged, nameless + [m IN merged WHERE size(m.keys) = 0 | m.node] AS doomed
WITH merged, doomed, [e IN doomed | e.uuid] AS removed
FOREACH (e IN doomed | DETACH DELETE e)
WITH merged, removed
CALL () {
  UNWIND $entities AS uuid
  MATCH (e:Entity {uuid: uuid})
  SET e.degree = COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() }
}
RETURN removed,
  [uuid IN $entities WHERE NOT uuid IN removed] + [m IN merged WHERE size(m.keys) > 0 | m.node.uuid] AS kept
