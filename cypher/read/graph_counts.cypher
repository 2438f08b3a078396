// How large the graph is.
// mode: read
// returns: memories integer, facts integer, entities integer, users integer, jobs integer
CALL () { MATCH (m:Memory) RETURN count(m) AS memories }
CALL () { MATCH (f:Fact) RETURN count(f) AS facts }
CALL () { MATCH (e:Entity) RETURN count(e) AS entities }
CALL () { MATCH (m:Memory) RETURN count(DISTINCT m.user_id) AS users }
CALL () { MATCH (j:Job) WHERE j.state IN ['pending', 'running', 'failed'] RETURN count(j) AS jobs }
RETURN memories, facts, entities, users, jobs
