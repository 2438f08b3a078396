"""``knowthread mcp``: from stdio to the service; standard library only."""
