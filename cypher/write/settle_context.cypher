// Facts of the partition that a call names, read under its lock, and memories that were named instead of facts.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the facts that stand, and those that they replace
// returns: facts list[{uuid string, valid_at datetime, claim_key string}]
// returns: owners list[{uuid string, facts list[{uuid string, valid_at datetime, claim_key string, statement string}]}]
CALL () {
  UNWIND $uuids AS uuid
  MATCH (f:Fact {uuid: uuid})<-[:STATES]-(m:Memory)
  WHERE f.user_id = $user_id AND f.expired_at IS NULL AND (m:Deleting) = false
  RETURN collect(f {.uuid, .valid_at, .claim_key}) AS facts
}
CALL () {
  UNWIND $uuids AS uuid
  MATCH (owner:Memory {uuid: uuid}) WHERE owner.user_id = $user_id AND (owner:Deleting) = false
  RETURN collect({uuid: uuid, facts: [(owner)-[:STATES]->(f:Fact) WHERE f.expired_at IS NULL |
    f {.uuid, .valid_at, .claim_key, .statement}]}) AS owners
}
RETURN facts, owners
