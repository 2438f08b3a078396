// How it is kept: the last memories, the facts that they state, and what these are about.
// mode: read
// param: user_id string - whose memories
// returns: m node - a memory
// returns: states relationship - from the memory to its fact
// returns: f node - a fact
// returns: about relationship - from the fact to its subject or object
// returns: e node - a thing
MATCH (m:Memory) WHERE m.user_id = $user_id AND m.seq >= 0 AND NOT m:Deleting
WITH m ORDER BY m.seq DESC LIMIT 12
MATCH (m)-[states:STATES]->(f:Fact)-[about:SUBJECT|OBJECT]->(e:Entity)
RETURN m, states, f, about, e
