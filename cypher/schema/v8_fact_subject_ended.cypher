// Facts of which a thing is the subject and that have ended, by when.
// mode: schema
CREATE INDEX fact_subject_ended IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.subject_uuid, f.invalid_at)
