// Let the index go, for the next service. One that services share is let go by time alone: another may still use it.
// mode: write
// param: instance string - which run of a service held it
MATCH (s:IndexState {name: 'index'})
WHERE s.instance = $instance AND NOT coalesce(s.shared = true, false)
SET s.held_until = datetime()
