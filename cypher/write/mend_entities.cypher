// Give entities whose name was edited by hand the terms of that name, and queue them for the index.
// mode: write
// param: user_id string - partition
// param: user_key string - its token in the full-text indexes
// param: entities list[map] - uuid, name, terms
// returns: uuid string
UNWIND $entities AS mended
MATCH (e:Entity {uuid: mended.uuid})
WHERE e.user_id = $user_id AND e.name = mended.name
SET e.user_key = $user_key, e.terms = mended.terms, e.index_rev = e.index_rev + 1, e:Unindexed
RETURN e.uuid AS uuid
