// Full-text over memories for Han, Kana and Hangul; the order of properties tells it from the English one.
// mode: schema
CREATE FULLTEXT INDEX memory_fulltext_cjk IF NOT EXISTS FOR (m:Memory) ON EACH [m.user_key, m.text]
OPTIONS {indexConfig: {`fulltext.analyzer`: 'cjk', `fulltext.eventually_consistent`: false}}
