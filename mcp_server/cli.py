"""x."""
import sys
def main(argv):
    from kg.settings import load_settings
    from mcp_server.serve import run
    return run(load_settings())
