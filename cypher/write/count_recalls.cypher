// Count how often memories were recalled, and when last. The index holds neither, so nothing is queued for it.
// mode: write
// param: user_id string - partition
// param: counts list[map] - uuid, times
// param: now datetime - instant of the last recall, UTC
UNWIND $counts AS counted
MATCH (m:Memory {uuid: counted.uuid}) WHERE m.user_id = $user_id
SET m.recall_count = coalesce(m.recall_count, 0) + counted.times, m.last_recalled_at = $now
