// Account model calls on the day of their user and, if a job made them and still exists, on that job.
// mode: write
// param: user_id string - partition
// param: uuid string or null - the job
// param: calls list[string] - one JSON object for each call
// param: tokens integer - of all of them
// param: cost float - in USD, as far as prices are known
// param: model string or null - provider:model that answered last
// param: day string - ISO date, UTC
MERGE (s:Spending {name: $user_id + ' ' + $day})
ON CREATE SET s:Internal, s.user_id = $user_id, s.day = $day, s.tokens = 0, s.cost = 0.0, s.calls = 0
SET s.tokens = s.tokens + $tokens, s.cost = s.cost + $cost, s.calls = s.calls + size($calls)
WITH s
MATCH (j:Job {uuid: $uuid})
SET j.calls = (coalesce(j.calls, []) + $calls)[-40..], j.tokens = coalesce(j.tokens, 0) + $tokens,
  j.cost = coalesce(j.cost, 0.0) + $cost, j.model = coalesce($model, j.model)
