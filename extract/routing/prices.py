"""What a request cost by list price."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from extract.providers.base import ModelReply, Route

CACHE_WRITE = 1.25
"""How many times the price of input Anthropic takes for its five-minute cache; other providers do not count writes."""

_SAME_MODEL = re.compile(r"(-\d{4,}.*|-latest|-preview.*)?")
"""What may follow a model's name without a change of price: a date, ``-latest``, ``-preview``."""


class Price(BaseModel):
    """USD per million tokens of one model.

    Attributes:
        up_to_input_tokens: the price is for requests with at most this many input tokens; None: for all.
        cached: of input tokens that were read from a cache.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    model: str
    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached: float = Field(ge=0)
    up_to_input_tokens: int | None = None

    def takes(self, route: Route, input_tokens: int) -> bool:
        """Whether this is the price of a request."""
        return (
            route.provider == self.provider
            and route.model.startswith(self.model)
            and _SAME_MODEL.fullmatch(route.model, len(self.model)) is not None
            and (self.up_to_input_tokens is None or input_tokens <= self.up_to_input_tokens)
        )


def cost_usd(route: Route, reply: ModelReply) -> float | None:
    """Return what a request cost by list price; None if that is unknown or a subscription covers it."""
    price = next((price for price in _prices() if price.takes(route, reply.input_tokens)), None)
    if price is None or not reply.billed:
        return None
    cached = min(reply.cached_tokens, reply.input_tokens)
    written = min(reply.cache_write_tokens, reply.input_tokens - cached)
    fresh = reply.input_tokens - cached - written
    read = (fresh + CACHE_WRITE * written) * price.input + cached * price.cached
    return (read + reply.output_tokens * price.output) / 1_000_000


@cache
def _prices() -> tuple[Price, ...]:
    table = tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))
    return tuple(Price.model_validate(row) for row in table["price"])
