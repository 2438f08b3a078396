"""Headers that repeat a request's method and name, as the protocol requires."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The parameter that says what a request is about; it goes into a header too."""


def envelope_headers(version: str, method: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a self-describing (2026) request, which repeat what its body says."""
    headers = {"Mcp-Protocol-Version": version, "Mcp-Method": method}
    name = params.get(NAMED.get(method, ""))
    if isinstance(name, str):
        headers["Mcp-Name"] = _header_value(name)
    return headers


def _header_value(text: str) -> str:
    """Return a header value: ``search`` stays, ``süß`` becomes ``=?base64?c8O8w58=?=``, as the protocol requires."""
    if re.fullmatch(r"[\x20-\x7E]*", text) and text == text.strip() and not re.fullmatch(r"=\?base64\?.*\?=", text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode('ascii')}?="
