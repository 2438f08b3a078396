// One count of memories for each user, agent, run and project.
// mode: schema
CREATE CONSTRAINT scope_count IF NOT EXISTS FOR (s:ScopeCount) REQUIRE (s.user_id, s.kind, s.name) IS UNIQUE
