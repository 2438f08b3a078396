// Facts that relate one thing to another by one predicate: what contradicts a fact is found by it, however much is said
// of either thing.
// mode: schema
CREATE INDEX fact_sides IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.subject_uuid, f.predicate, f.object_uuid)
