// What models have cost all users together on one day.
// mode: read
// param: day string - ISO date, UTC
// returns: tokens integer, cost float, calls integer
MATCH (s:Spending {day: $day})
RETURN coalesce(sum(s.tokens), 0) AS tokens, coalesce(sum(s.cost), 0.0) AS cost, coalesce(sum(s.calls), 0) AS calls
