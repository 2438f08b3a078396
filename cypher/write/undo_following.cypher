// Record that a fact holds although another value of its predicate follows it: an end by date alone, undone from now on.
// mode: write
// param: user_id string - partition
// param: uuid string - the fact
// param: decision string - uuid of the new decision
// param: now datetime - instant, UTC
// returns: old string, new string - the fact, and the value that follows it
MATCH (old:Fact {uuid: $uuid}) WHERE old.user_id = $user_id AND old.expired_at IS NULL
MATCH (new:Fact {uuid: old.followed_by})
CREATE (old)-[:SUPERSEDED_BY {uuid: $decision, kind: 'followed', at: $now, effective_at: new.valid_at, judge: 'caller',
  undone_at: $now}]->(new)
RETURN old.uuid AS old, new.uuid AS new
