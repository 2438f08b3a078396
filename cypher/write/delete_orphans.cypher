// Remove aliases that nothing names any more, then entities without alias and fact, with what was merged into them.
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
  UNWIND $entities AS uuid
  MATCH (e:Entity {uuid: uuid})
  WHERE NOT EXISTS { MATCH (:Alias)-[:REFERS_TO]->(e) }
    AND NOT EXISTS { MATCH (:Fact)-[:SUBJECT|OBJECT]->(e) }
  OPTIONAL MATCH (e)<-[:MERGED_INTO*1..]-(merged:Entity)
  WITH collect(DISTINCT e) + collect(DISTINCT merged) AS doomed
  WITH doomed, [e IN doomed | e.uuid] AS removed
  FOREACH (e IN doomed | DETACH DELETE e)
  RETURN removed
}
RETURN removed, [uuid IN $entities WHERE NOT uuid IN removed] AS kept
