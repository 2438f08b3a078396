// The scopes of a user that were used last.
// mode: schema
CREATE INDEX scope_used IF NOT EXISTS FOR (s:ScopeCount) ON (s.user_id, s.kind, s.last_used)
