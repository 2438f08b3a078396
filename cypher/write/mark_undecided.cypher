// Remember of which names it is still to be asked whether they mean something known.
// mode: write
// param: user_id string - partition
// param: undecided list[string] - alias keys
// param: decided list[string] - alias keys of which it was asked
UNWIND [key IN $undecided | {key: key, undecided: true}] + [key IN $decided | {key: key, undecided: null}] AS name
MATCH (:Alias {user_id: $user_id, key: name.key})-[:REFERS_TO]->(e:Entity)
SET e.undecided = name.undecided
