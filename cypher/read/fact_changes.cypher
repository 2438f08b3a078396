// What a write did to facts, in words.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - facts that it stated, ended or expired
// returns: uuid string, statement string, predicate string, subject string or null, object string or null, valid_at
//   datetime, invalid_at datetime or null
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
OPTIONAL MATCH (f)-[:SUBJECT]->(s:Entity)
OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
RETURN f.uuid AS uuid, f.statement AS statement, f.predicate AS predicate, s.name AS subject,
  coalesce(o.name, f.object_value) AS object, f.valid_at AS valid_at, f.invalid_at AS invalid_at
