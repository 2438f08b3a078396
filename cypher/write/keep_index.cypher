// Keep the hold on the index from passing to another service until this transaction ends.
// mode: write
// param: instance string - which run of a service works on the index
// param: shared boolean - whether its index is on a server, which services share
// returns: held boolean - whether it holds the index, or shares it
MATCH (s:IndexState {name: 'index'})
SET s.name = s.name
RETURN coalesce(s.instance = $instance, false) OR ($shared AND coalesce(s.shared = true, false)) AS held
