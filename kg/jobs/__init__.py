"""Background work for models: leasing jobs, extracting facts, judging contradictions."""
