"""Headers that repeat a request's method and name, as the protocol asks for."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The parameter that says what a request is about; it goes into a header too."""


def envelope_headers(version: str, method: str, params: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a self-describing (2026) request, which repeat what its body says."""
    headers = {"Mcp-Protocol-Version": version, "Mcp-Method": method}
    name = params.get(NAMED.get(method, ""))
    if isinstance(name, str):
        headers["Mcp-Name"] = _header_value(name)
    return headers


def _header_value(text: str) -> str:
    """A header value as the protocol has it: printable ASCII as it is, everything else in base64 within marks."""
    if re.fullmatch(r"[\x20-\x7E]*", text) and text == text.strip() and not re.fullmatch(r"=\?base64\?.*\?=", text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode('ascii')}?="
