// Messages of one conversation.
// mode: schema
CREATE INDEX memory_run IF NOT EXISTS FOR (m:Memory) ON (m.user_id, m.run_id)
