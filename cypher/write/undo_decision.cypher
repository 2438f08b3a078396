// Take a decision back, from now on.
// mode: write
// param: user_id string - partition
// param: uuid string - the decision
// param: now datetime - instant, UTC
// returns: old string
MATCH (old:Fact {user_id: $user_id})-[d:SUPERSEDED_BY {uuid: $uuid}]->(:Fact)
WHERE d.undone_at IS NULL
SET d.undone_at = $now
RETURN old.uuid AS old
