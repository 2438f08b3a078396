"""The eleven tools as MCP sees them."""
