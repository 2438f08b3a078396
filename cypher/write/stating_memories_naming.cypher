// Memories that name an entity and state facts, or stated some before an update.
// mode: write
// param: user_id string - partition
// param: entity_uuid string - the entity
// param: until integer - only memories up to this sequence number
// param: top_k integer - most rows returned
// returns: uuids list[string]
MATCH (e:Entity {uuid: $entity_uuid})<-[:REFERS_TO]-(:Alias)<-[:NAMES]-(owner)<-[:PREVIOUS*0..1]-(m:Memory)
WHERE e.user_id = $user_id AND m.seq <= $until AND (m:Deleting) = false
  AND EXISTS { MATCH (m)-[:PREVIOUS*0..1]->()-[:STATES]->(:Fact) }
WITH DISTINCT m.uuid AS uuid LIMIT $top_k
RETURN collect(uuid) AS uuids
