// The decisions that fell with facts that a memory does not state any more, as no other fact took them over.
// mode: write
// param: uuids list[string] - the facts
// returns: uuid string
UNWIND $uuids AS uuid
MATCH (:Fact {uuid: uuid})-[d:SUPERSEDED_BY]-(:Fact) WHERE d.undone_at IS NULL
WITH DISTINCT d.uuid AS decision
WHERE NOT EXISTS {
  MATCH (old:Fact)-[copy:SUPERSEDED_BY {uuid: decision}]->(new:Fact)
  WHERE copy.undone_at IS NULL AND old.expired_at IS NULL AND new.expired_at IS NULL
}
RETURN decision AS uuid
