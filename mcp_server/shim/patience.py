"""How long one call waits for a service that starts or restarts, and what its client hears meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mcp_server.link.starting_answer import is_fetching

if TYPE_CHECKING:
    from mcp_server.shim.forward import Call
    from mcp_server.shim.wire import Output

FETCH_PATIENCE_S = 4.5
"""The longest wait while the service is fetched for the first time, which takes minutes."""
PROGRESS_EVERY_S = 2.0


class Waiting:
    """One call's wait. Progress is told in seconds, if the client asked for progress."""

    def __init__(self, out: Output, call: Call, patience_s: float) -> None:
        self._out = out
        self._patience_s = patience_s
        self._call = call
        self._began = time.monotonic()
        self._deadline = self._began + patience_s
        self._next = self._began + PROGRESS_EVERY_S
        meta: Any = (call.params or {}).get("_meta")
        self._token: Any = meta.get("progressToken") if isinstance(meta, dict) else None

    @property
    def left_s(self) -> float:
        """Seconds that the call may still wait."""
        return max(0.0, self._deadline - time.monotonic())

    def extend(self) -> None:
        """Begin the wait again: the service went away during the call, and another takes its place."""
        self._deadline = time.monotonic() + self._patience_s

    def goes_on(self, phase: str) -> bool:
        """Tell the client how far the service is; False if the call should not wait for it any longer."""
        now = time.monotonic()
        if self._call.abort.requested or (is_fetching(phase) and now - self._began >= FETCH_PATIENCE_S):
            return False
        if self._token is not None and now >= self._next:
            self._next = now + PROGRESS_EVERY_S
            params = {
                "progressToken": self._token,
                "progress": round(now - self._began, 1),
                "message": f"knowthread: {phase}",
            }
            self._out.write({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
        return True
