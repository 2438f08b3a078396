// Note for which names it is still open whether they mean something known.
// mode: write
// param: user_id string - partition
// param: undecided list[string] - alias keys that a model is still to be asked about
// param: decided list[string] - alias keys that a model was asked about
UNWIND [key IN $undecided | {key: key, undecided: true}] + [key IN $decided | {key: key, undecided: null}] AS name
MATCH (:Alias {user_id: $user_id, key: name.key})-[:REFERS_TO]->(e:Entity)
SET e.undecided = name.undecided
