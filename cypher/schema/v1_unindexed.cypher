// The queue of the indexer.
// mode: schema
CREATE INDEX unindexed_uuid IF NOT EXISTS FOR (n:Unindexed) ON (n.uuid)
