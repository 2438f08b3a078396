// What language models have cost: jobs, tokens and dollars by the model that answered.
// mode: read
// param: user_id string - whose jobs
// param: since datetime or null = null - only jobs made from then on; null is all that are kept
// param: limit integer = 200 - most rows
// returns: model string - provider and model that answered last; none where none did
// returns: work string - extract (read a text) or judge (settle contradictions)
// returns: jobs integer - how many; ended jobs are kept for a while only
// returns: done integer - of these, ended well
// returns: failed integer - given up, or to be tried again after a failure
// returns: waiting integer - to be done, or being done
// returns: tokens integer - in and out
// returns: cost_usd float - as far as prices are known
// returns: first string - day of the first
// returns: last string - day of the last
MATCH (j:Job)
WHERE j.user_id = $user_id AND j.kind IN ['extract', 'judge'] AND ($since IS NULL OR j.created_at >= $since)
RETURN coalesce(j.model, 'none') AS model, j.kind AS work, count(j) AS jobs,
  count(CASE WHEN j.state = 'done' THEN 1 END) AS done,
  count(CASE WHEN j.state IN ['failed', 'dead'] THEN 1 END) AS failed,
  count(CASE WHEN j.state IN ['pending', 'running'] THEN 1 END) AS waiting,
  sum(coalesce(j.tokens, 0)) AS tokens, round(sum(coalesce(j.cost, 0.0)), 6) AS cost_usd,
  toString(date(min(j.created_at))) AS first, toString(date(max(j.created_at))) AS last
ORDER BY tokens DESC, model, work LIMIT toInteger($limit)
