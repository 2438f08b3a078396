// Facts of which a thing is the object and that have ended, by when.
// mode: schema
CREATE INDEX fact_object_ended IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.object_uuid, f.invalid_at)
