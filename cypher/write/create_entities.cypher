// Create entities with their first alias.
// mode: write
// param: user_id string - partition
// param: entities list[map] - uuid, key, kind (a checked label) and properties
UNWIND $entities AS entity
CREATE (e:Entity:Unindexed:$(entity.kind))
SET e = entity.properties
CREATE (a:Alias {user_id: $user_id, key: entity.key})
CREATE (a)-[:REFERS_TO]->(e)
