// The things of a user by the number of facts about them.
// mode: schema
CREATE INDEX entity_degree IF NOT EXISTS FOR (e:Entity) ON (e.user_id, e.degree, e.uuid)
