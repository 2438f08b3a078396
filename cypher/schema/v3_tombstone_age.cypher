// Tombstones by age, the old ones to be forgotten.
// mode: schema
CREATE INDEX tombstone_age IF NOT EXISTS FOR (t:Tombstone) ON (t.created_at)
