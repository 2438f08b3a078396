// Give things a name back, which the memories use that state the facts about them.
// mode: write
// param: user_id string - partition
// param: entities list[map] - uuid, key, name, owners
UNWIND $entities AS entity
MATCH (e:Entity {uuid: entity.uuid}) WHERE e.user_id = $user_id
MERGE (a:Alias {user_id: $user_id, key: entity.key})
ON CREATE SET a.name = entity.name
CREATE (a)-[:REFERS_TO]->(e)
WITH a, entity
UNWIND entity.owners AS owner
CALL (owner) {
  MATCH (o:Memory {uuid: owner}) RETURN o
  UNION ALL
  MATCH (o:MemoryVersion {uuid: owner}) RETURN o
}
CREATE (o)-[:NAMES {name: entity.name, as: 'mention'}]->(a)
