// Messages of one conversation, the newest first.
// mode: schema
CREATE INDEX memory_run_seq IF NOT EXISTS FOR (m:Memory) ON (m.user_id, m.run_id, m.seq)
