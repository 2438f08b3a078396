"""The service as people and agents meet it: MCP tools, HTTP service, stdio shim, command line.

Nothing is imported here: the shim must answer within tens of milliseconds, on the standard library alone.
"""
