// Record that facts replace others; an equal standing decision is not repeated.
// mode: write
// param: decisions list[map] - old, new, properties (uuid, kind, at, effective_at, judge, reason)
UNWIND $decisions AS decision
MATCH (old:Fact {uuid: decision.old})
MATCH (new:Fact {uuid: decision.new})
WHERE NOT EXISTS { MATCH (old)-[d:SUPERSEDED_BY {uuid: decision.properties.uuid}]->(new) }
CREATE (old)-[d:SUPERSEDED_BY]->(new)
SET d = decision.properties
