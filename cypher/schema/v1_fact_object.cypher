// Facts that point at an entity.
// mode: schema
CREATE INDEX fact_object IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.object_uuid)
