// How common words were in a partition when they were counted last.
// mode: read
// param: user_id string - partition
// returns: seq integer or null - how far the partition had come then; null if nothing is kept
// returns: counts string or null
OPTIONAL MATCH (w:WordCounts {user_id: $user_id})
RETURN w.counted_seq AS seq, w.word_counts AS counts
