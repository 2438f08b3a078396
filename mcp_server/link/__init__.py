"""What shim, command line and service share; standard library only."""
