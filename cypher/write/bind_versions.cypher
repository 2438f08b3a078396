// Bind facts that say a version to the thing whose version it is, and mention its name where they are stated.
// The thing's facts are counted again.
// mode: write
// param: user_id string - partition
// param: facts list[map] - uuid, key and name of the thing, object_uuid, object_key, claim_key, version
UNWIND $facts AS fact
MATCH (owner)-[:STATES]->(f:Fact {uuid: fact.uuid})
MATCH (a:Alias {user_id: $user_id, key: fact.key})-[:REFERS_TO]->(e:Entity)
MERGE (owner)-[n:NAMES {as: 'mention'}]->(a)
ON CREATE SET n.name = fact.name, n.kind = 'Tool'
SET f.object_uuid = e.uuid, f.object_key = fact.object_key, f.claim_key = fact.claim_key, f.version = fact.version
CREATE (f)-[:OBJECT {name_key: fact.key}]->(e)
WITH DISTINCT e
SET e.degree = COUNT { (e)<-[:SUBJECT]-() } + COUNT { (e)<-[:OBJECT]-() }
