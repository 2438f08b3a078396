// Memories that name an entity.
// mode: read
// param: user_id string - partition
// param: entity_uuid string - the entity
// returns: uuid string
MATCH (e:Entity {uuid: $entity_uuid})<-[:REFERS_TO]-(:Alias)<-[:NAMES]-(owner)<-[:PREVIOUS*0..1]-(m:Memory)
WHERE e.user_id = $user_id AND (m:Deleting) = false
RETURN DISTINCT m.uuid AS uuid
