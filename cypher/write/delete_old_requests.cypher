// Delete the answers of calls that nobody repeats any more.
// mode: write
// param: before datetime - only calls made before this instant, UTC
// param: top_k integer - most nodes removed at once
// returns: removed integer
MATCH (r:Request) WHERE r.created_at < $before
WITH r LIMIT $top_k
DELETE r
RETURN count(*) AS removed
