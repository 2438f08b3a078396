// Facts about a subject, by predicate: timelines, contradictions, entity pages.
// mode: schema
CREATE INDEX fact_subject IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.subject_uuid, f.predicate)
