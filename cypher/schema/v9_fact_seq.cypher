// Facts by their number: no other fact or memory of a partition may have it.
// mode: schema
CREATE INDEX fact_seq IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.seq)
