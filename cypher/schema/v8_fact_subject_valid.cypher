// Facts of which a thing is the subject, by when they began: its newest ones are read first.
// mode: schema
CREATE INDEX fact_subject_valid IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.subject_uuid, f.valid_at)
