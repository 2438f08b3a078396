// When a fact ended.
// mode: read
// param: user_id string - partition
// param: uuid string - the fact
// returns: invalid_at datetime or null
MATCH (f:Fact {uuid: $uuid}) WHERE f.user_id = $user_id
RETURN f.invalid_at AS invalid_at
