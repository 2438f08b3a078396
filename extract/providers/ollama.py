"""Local models through Ollama."""

from __future__ import annotations

from extract.providers import failures
from extract.providers.base import ModelReply, ModelRequest
from extract.providers.exchange import CONNECT_S, turns
from extract.providers.ollama_client import OllamaClient

CONTEXT_STEP = 8192
"""Context lengths are asked for in steps, because Ollama loads a model again for each length."""

BYTES_PER_TOKEN = 3
"""Fewer than any language has on average, so that the context is long enough: Ollama cuts off a request's beginning."""


class OllamaProvider:
    """Asks a model of one Ollama server, without thinking and with the schema as its grammar."""

    name = "ollama"

    def __init__(self, url: str, keep_alive: str = "30m", *, connect_s: float = CONNECT_S) -> None:
        self._client = OllamaClient(url, connect_s=connect_s)
        self._keep_alive = keep_alive

    async def complete(self, model: str, request: ModelRequest) -> ModelReply:
        """Ask once.

        Raises:
            ModelUnavailable: no answer came; the reason says why.
        """
        messages = [{"role": role, "content": text} for role, text in turns(request)]
        async with failures.time_limit(self.name, model, request.timeout_s):
            response = await self._client.chat(
                model,
                messages=[{"role": "system", "content": request.system}, *messages],
                format=dict(request.schema),
                think=False,
                keep_alive=self._keep_alive,
                options={
                    "temperature": 0,
                    "num_predict": request.max_output_tokens,
                    "num_ctx": context_tokens(request),
                },
            )
        return ModelReply(
            text=response.message.content or "",
            input_tokens=response.prompt_eval_count or 0,
            output_tokens=response.eval_count or 0,
            truncated=response.done_reason == "length",
        )

    async def close(self) -> None:
        """Close the connections; the model stays loaded for as long as ``keep_alive`` says."""
        await self._client.close()


def context_tokens(request: ModelRequest) -> int:
    """Return a context length, in whole steps, that holds the request and its longest answer."""
    read = len(request.system.encode("utf-8", "replace"))
    read += sum(len(text.encode("utf-8", "replace")) for _, text in turns(request))
    needed = read // BYTES_PER_TOKEN + request.max_output_tokens
    return CONTEXT_STEP * max(1, -(-needed // CONTEXT_STEP))
