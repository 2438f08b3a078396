// One alias per normalised name and user.
// mode: schema
CREATE CONSTRAINT alias_key IF NOT EXISTS FOR (a:Alias) REQUIRE (a.user_id, a.key) IS UNIQUE
