// The entities that a fact in force says to be other things than one entity.
// mode: read
// param: user_id string - partition
// param: uuid string - the entity
// param: now datetime - the present instant, UTC
// returns: uuid string
MATCH (e:Entity {uuid: $uuid})-[r]-(other:Entity)
WHERE e.user_id = $user_id AND type(r) = 'DIFFERENT_FROM' AND (r.invalid_at IS NULL OR r.invalid_at > $now)
RETURN DISTINCT other.uuid AS uuid
