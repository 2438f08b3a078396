// Record that an entity was merged into another, with the names that it had, so that the merge can be undone.
// mode: write
// param: source string - the merged entity
// param: target string - the entity that stays
// param: keys list[string] - alias keys of the source
// param: reason string - why they are the same
// param: fact string or null - the fact that says so, null if it was found or decided otherwise
// param: now datetime - instant of the merge, UTC
MATCH (source:Entity {uuid: $source})
MATCH (target:Entity {uuid: $target})
CREATE (source)-[:MERGED_INTO {at: $now, reason: $reason, keys: $keys, fact: $fact}]->(target)
