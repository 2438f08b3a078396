// Make names refer to another entity, and queue both entities for the index.
// mode: write
// param: user_id string - partition
// param: keys list[string] - alias keys
// param: source string - the entity that they refer to now
// param: target string - the entity that they refer to from now on
MATCH (source:Entity {uuid: $source})
MATCH (target:Entity {uuid: $target})
SET source.index_rev = source.index_rev + 1, source:Unindexed
SET target.index_rev = target.index_rev + 1, target:Unindexed
WITH source, target
UNWIND $keys AS key
MATCH (a:Alias {user_id: $user_id, key: key})-[refers:REFERS_TO]->(source)
CREATE (a)-[:REFERS_TO]->(target)
DELETE refers
