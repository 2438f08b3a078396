"""``python -I -m mcp_server …``: the same as the ``knowthread`` command; the service is started this way."""

from __future__ import annotations

import sys

from mcp_server.entry import main

if __name__ == "__main__":
    sys.exit(main())
