// Close the gaps that deleted messages leave in their conversation.
// mode: write
// param: links list[map] - previous, next
UNWIND $links AS link
MATCH (previous:Memory {uuid: link.previous})
MATCH (next:Memory {uuid: link.next})
CREATE (previous)-[:NEXT]->(next)
