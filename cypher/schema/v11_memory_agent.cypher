// Memories of an agent, the newest first.
// mode: schema
CREATE INDEX memory_agent IF NOT EXISTS FOR (m:Memory) ON (m.user_id, m.agent_id, m.seq)
