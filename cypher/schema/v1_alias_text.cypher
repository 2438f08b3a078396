// Substring search over normalised names.
// mode: schema
CREATE TEXT INDEX alias_text IF NOT EXISTS FOR (a:Alias) ON (a.key)
