"""Reports: questions that people ask of the whole graph, each a query file with named columns."""
