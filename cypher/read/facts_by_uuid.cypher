// Statements of facts, with what ended them.
// mode: read
// param: user_id string - partition
// param: uuids list[string] - the facts
// returns: uuid string, statement string, valid_at datetime, invalid_at datetime or null
UNWIND $uuids AS uuid
MATCH (f:Fact {uuid: uuid}) WHERE f.user_id = $user_id
RETURN f.uuid AS uuid, f.statement AS statement, f.valid_at AS valid_at, f.invalid_at AS invalid_at
