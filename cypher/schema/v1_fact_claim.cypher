// Facts that state the same claim.
// mode: schema
CREATE INDEX fact_claim IF NOT EXISTS FOR (f:Fact) ON (f.user_id, f.claim_key)
