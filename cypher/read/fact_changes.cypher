// What a write did to facts, in words.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - facts that it stated, ended or expired
// returns: uuid string, statement string, predicate string, subject string or null, object string or null, valid_at
//   datetime, invalid_at datetime or null, replaced_by list[{id string, statement string, kind string, at datetime}]
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
CALL (f) {
  MATCH (n:Fact {uuid: f.followed_by})
  RETURN collect({id: n.uuid, statement: n.statement, kind: 'followed', at: n.created_at}) AS following
}
OPTIONAL MATCH (f)-[:SUBJECT]->(s:Entity)
OPTIONAL MATCH (f)-[:OBJECT]->(o:Entity)
RETURN f.uuid AS uuid, f.statement AS statement, f.predicate AS predicate, s.name AS subject,
  coalesce(f.object_value, o.name) AS object, f.valid_at AS valid_at, f.invalid_at AS invalid_at,
  following + [(f)-[d:SUPERSEDED_BY]->(n:Fact) WHERE d.undone_at IS NULL AND n.expired_at IS NULL |
    {id: n.uuid, statement: n.statement, kind: d.kind, at: d.at}] AS replaced_by
