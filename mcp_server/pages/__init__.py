"""What a person sees of the graph: pages of graphs and timelines, other formats, and what Neo4j Browser is shown."""
