"""``knowthread mcp`` as it is, with the toy service behind it: ``python toy_shim.py MANIFEST [LIST_OF_MODULES]``.

``TOY_PATIENCE_S`` in the environment is how long a call waits for a service that starts.
"""

import os
import sys

from mcp_server.entry import clean_path

if __name__ == "__main__":
    clean_path()
    from mcp_server.shim import stdio

    command = (sys.executable, "-I", __file__.replace("toy_shim.py", "toy_service.py"))
    patience = {"patience_s": float(os.environ["TOY_PATIENCE_S"])} if "TOY_PATIENCE_S" in os.environ else {}
    status = stdio.main(command, sys.argv[1], **patience)
    if len(sys.argv) > 2:
        files = [str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())]
        with open(sys.argv[2], "w") as listing:  # noqa: PTH123
            listing.write("\n".join(files))
    sys.exit(status)
