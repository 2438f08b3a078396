// Notes with the same text.
// mode: schema
CREATE INDEX memory_hash IF NOT EXISTS FOR (m:Memory) ON (m.user_id, m.content_hash)
