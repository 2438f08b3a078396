// Memories of a project, the newest first.
// mode: schema
CREATE INDEX memory_project IF NOT EXISTS FOR (m:Memory) ON (m.user_id, m.project, m.seq)
