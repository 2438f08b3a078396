// Facts that say a version, as binding them to the thing must know them.
// mode: write
// param: user_id string - partition
// param: uuids list[string] - the facts
// returns: uuid string, scope string, subject_uuid string or null, object_uuid string or null, predicate string, claim_key string
// returns: object_value string or null, subject_key string
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid})-[side:SUBJECT]->(:Entity)
WHERE f.user_id = $user_id AND f.object_uuid IS NULL
RETURN f.uuid AS uuid, f.scope AS scope, f.subject_uuid AS subject_uuid, f.object_uuid AS object_uuid,
  f.predicate AS predicate, f.claim_key AS claim_key, toStringOrNull(f.object_value) AS object_value,
  side.name_key AS subject_key
