// Facts of which a thing is the object, by when they began: its newest ones are read first.
// mode: schema
CREATE INDEX fact_object_valid IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.object_uuid, f.valid_at)
