// Entities of a user: the most connected ones, merges.
// mode: schema
CREATE INDEX entity_user IF NOT EXISTS FOR (e:Entity) ON (e.user_id)
