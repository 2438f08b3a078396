// Give things the kind that they say as their second label; one that says none takes it from its label.
// mode: write
// param: user_id string - partition
// param: kinds list[string] - the kinds that there are
// param: fallback string - kind of a thing of which nothing tells it
MATCH (e:Entity) WHERE e.user_id = $user_id AND coalesce(NOT e.kind IN labels(e), true)
WITH e, [l IN labels(e) WHERE l IN $kinds] AS told
WITH e, told, CASE WHEN e.kind IN $kinds THEN e.kind ELSE coalesce(told[0], $fallback) END AS kind
REMOVE e:$(told)
SET e.kind = kind, e:$(kind)
