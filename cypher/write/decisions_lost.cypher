// The decisions of facts that are about to be deleted: the facts that they ended, and the decisions that end those facts
// instead. If B ended A and C ended B, C ends A once B is deleted.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the facts that are about to be deleted
// returns: bereaved list[string] - facts that those which go had ended
// returns: bridges list[{old string, new string, uuid string, at datetime, effective_at datetime}] - old stays ended by
//   new; the rest is of the later decision
CALL () {
  UNWIND $uuids AS uuid
  MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
  RETURN collect(f) AS facts
}
CALL (facts) {
  UNWIND facts AS f
  MATCH (old:Fact)-[:SUPERSEDED_BY]->(f) WHERE NOT old IN facts
  RETURN collect(DISTINCT old.uuid) AS bereaved
}
CALL (facts) {
  UNWIND facts AS f
  MATCH (old:Fact)-[:SUPERSEDED_BY]->(f) WHERE NOT old IN facts
  WITH DISTINCT old
  MATCH path = (old)-[:SUPERSEDED_BY*2..]->(new:Fact)
  WHERE NOT new IN facts AND all(lost IN nodes(path)[1..-1] WHERE lost IN facts AND lost.expired_at IS NULL
      AND NOT EXISTS { MATCH (lost)-[d:SUPERSEDED_BY {kind: 'corrected'}]->(:Fact) WHERE d.undone_at IS NULL })
    AND all(d IN relationships(path) WHERE d.undone_at IS NULL AND d.kind = 'superseded')
  WITH old, new, relationships(path)[-1] AS last
  RETURN collect(DISTINCT {old: old.uuid, new: new.uuid, uuid: last.uuid, at: last.at,
    effective_at: last.effective_at}) AS bridges
}
RETURN bereaved, bridges
