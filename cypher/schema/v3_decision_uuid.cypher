// Decisions by their identity, to be taken back.
// mode: schema
CREATE INDEX decision_uuid IF NOT EXISTS FOR ()-[d:SUPERSEDED_BY]-() ON (d.uuid)
