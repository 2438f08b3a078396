// Let decisions stand that were taken back by decisions of facts which are about to be deleted, as if those had never
// been made. A decision that would close a circle is left out.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the facts that are about to be deleted
// returns: uuid string - a fact that is ended again
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid})-[d:SUPERSEDED_BY]-(:Fact) WHERE f.user_id = $user_id
WITH DISTINCT d, endNode(d) AS old
MATCH (old)-[taken:SUPERSEDED_BY {undone_by: d.uuid}]->(new:Fact)
WHERE NOT old.uuid IN $uuids AND NOT new.uuid IN $uuids
OPTIONAL MATCH (old)-[again:SUPERSEDED_BY {uuid: taken.uuid}]->(new) WHERE again.at = d.undone_at
WITH d, old, new, taken, head(collect(again)) AS again
WHERE again IS NOT NULL OR (d.undone_at IS NULL AND NOT EXISTS {
  MATCH path = (new)-[:SUPERSEDED_BY*1..]->(old)
  WHERE all(step IN relationships(path) WHERE step.undone_at IS NULL)
    AND all(fact IN nodes(path) WHERE fact.expired_at IS NULL AND NOT fact.uuid IN $uuids)
})
SET taken.undone_at = again.undone_at, taken.undone_by = again.undone_by
DELETE again
RETURN DISTINCT old.uuid AS uuid
