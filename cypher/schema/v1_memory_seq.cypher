// Listing of a partition, newest first.
// mode: schema
CREATE INDEX memory_seq IF NOT EXISTS FOR (m:Memory) ON (m.user_id, m.seq)
