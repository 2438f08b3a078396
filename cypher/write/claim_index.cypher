// Hold the index for some time by the database's clock, unless another service holds it. A hold that lasts longer than a
// lease was made before the clock was set back, and counts for nothing.
// mode: write
// param: holder string - who wants it: the identity of a data folder
// param: instance string - which run of that service
// param: starting boolean - whether it starts; it takes over then what an earlier run on the same folder left
// param: place string - where that service runs and since when, in words
// param: shared boolean - whether its index is on a server, which services share
// param: collection_id string - identity of its collection, where it is to be checked; empty otherwise
// param: lease_s integer - for how long, in seconds
// returns: held boolean - whether it holds it now
// returns: taken boolean - whether another index may have been filled since it last held it
// returns: place string - where the service runs that holds it
// returns: shared boolean - whether that service's index is on a server
// returns: left_s integer - for how many seconds it is held
MERGE (s:IndexState {name: 'index'})
SET s:Internal, s.name = s.name
WITH s, CASE WHEN s.held_until IS :: ZONED DATETIME NOT NULL THEN s.held_until ELSE datetime() END AS until,
  $shared AND coalesce(s.shared = true, false) AS both_shared
WITH s, both_shared, duration.inSeconds(datetime(), until).seconds AS left_s, coalesce(s.instance = $instance, false) AS mine,
  coalesce(s.holder = $holder, false) AS same, coalesce(toStringOrNull(s.collection_id), '') AS noted
WITH s, both_shared, left_s, mine, same, NOT mine AND NOT both_shared AS other,
  $collection_id <> '' AND noted <> $collection_id AS foreign, noted,
  mine OR ($starting AND same) OR left_s <= 0 OR left_s > 2 * $lease_s
    OR (both_shared AND ($collection_id = '' OR noted IN ['', $collection_id])) AS free
FOREACH (ignored IN CASE WHEN free THEN [1] ELSE [] END |
  SET s.collection_id = CASE WHEN foreign THEN '' ELSE noted END,
    s.holder = $holder, s.instance = $instance, s.place = $place, s.shared = $shared,
    s.held_until = datetime() + duration({seconds: $lease_s})
)
WITH s, free, other, left_s, same
OPTIONAL MATCH (building:IndexState {name: 'building'}) WHERE free AND other AND NOT same
SET building.collection_id = ''
RETURN free AS held, other AS taken, coalesce(toStringOrNull(s.place), '') AS place,
  coalesce(s.shared = true, false) AS shared, CASE WHEN free THEN $lease_s ELSE left_s END AS left_s
