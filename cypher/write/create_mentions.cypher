// Say which memories name which aliases, and as what; a kind that is known better than Thing labels the entity.
// mode: write
// param: user_id string - partition
// param: mentions list[map] - memory_uuid, key, name, as, kind or null
UNWIND $mentions AS mention
MATCH (m:Memory {uuid: mention.memory_uuid})
MATCH (a:Alias {user_id: $user_id, key: mention.key})-[:REFERS_TO]->(e:Entity)
MERGE (m)-[n:NAMES {as: mention.as}]->(a)
ON CREATE SET n.name = mention.name, n.kind = mention.kind
SET n.kind = coalesce(n.kind, mention.kind)
WITH e, mention
WHERE mention.kind IS NOT NULL AND e.kind = 'Thing' AND mention.kind <> 'Thing'
REMOVE e:Thing
SET e.kind = mention.kind, e:$(mention.kind)
