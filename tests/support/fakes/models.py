"""The three HTTP protocols: Anthropic Messages, Gemini generateContent, Ollama chat, tags and embed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from tests.support.fakes.server import RETRY_AFTER_S, Answer, Asked, FakeServer, Fault, Received, Reply

IN_THE_WAY = frozenset((
    Fault.HANG, Fault.DROP, Fault.DROP_EARLY, Fault.REDIRECT, Fault.BROKEN_BODY, Fault.HUGE
))  # fmt: skip
"""Faults below the protocol: the HTTP server commits them."""

STOPPED: Mapping[Fault | None, tuple[str, str]] = {
    Fault.TRUNCATED_JSON: ("max_tokens", "MAX_TOKENS"),
    Fault.DECLINED: ("refusal", "SAFETY"),
}
"""Why a model stopped, in Anthropic's word and in Gemini's."""

ONLY_CLAUDE_CODE = "This credential is only authorized for use with Claude Code and cannot be used for other requests."


def tokens(*texts: str) -> int:
    """A rough count, four characters to a token."""
    return sum(map(len, texts)) // 4 + 1


class FakeAnthropic(FakeServer):
    """``POST /v1/messages``. A system part that it has seen before counts as read from the cache."""

    ERRORS: ClassVar[Mapping[Fault, Any]] = {
        Fault.BAD_REQUEST: (400, "invalid_request_error"),
        Fault.UNAUTHORIZED: (401, "authentication_error"),
        Fault.FORBIDDEN: (403, "permission_error"),
        Fault.MISSING_MODEL: (404, "not_found_error"),
        Fault.RATE_LIMITED: (429, "rate_limit_error"),
        Fault.SERVER_ERROR: (500, "api_error"),
        Fault.OVERLOADED: (529, "overloaded_error"),
    }

    def __init__(self, answer: Answer | None = None, **script: Any) -> None:
        super().__init__(answer, **script)
        self._cached: set[str] = set()

    async def respond(self, received: Received) -> Reply | Fault:
        """Answer one request."""
        if (received.method, received.path) != ("POST", "/v1/messages"):
            return Reply(404, {"type": "error", "error": {"type": "not_found_error", "message": received.path}})
        body = received.body
        asked = Asked(
            body["model"],
            "".join(block["text"] for block in body["system"]),
            tuple((message["role"], message["content"]) for message in body["messages"]),
            body["output_config"]["format"]["schema"],
            received,
        )
        text, fault = await self.decide(asked)
        if fault in IN_THE_WAY:
            return fault
        if fault in self.ERRORS:
            return self._error(asked, fault)
        usage = {"input_tokens": tokens(*(said for _, said in asked.turns)), "output_tokens": tokens(text)}
        seen = asked.system in self._cached
        self._cached.add(asked.system)
        usage["cache_read_input_tokens" if seen else "cache_creation_input_tokens"] = tokens(asked.system)
        return Reply(200, {
            "id": f"msg_{self.answered}", "type": "message", "role": "assistant", "model": asked.model,
            "content": [{"type": "text", "text": text}] if text else [],
            "stop_reason": STOPPED.get(fault, ("end_turn", ""))[0], "stop_sequence": None,
            "usage": usage,
        })  # fmt: skip

    def _error(self, asked: Asked, fault: Fault) -> Reply:
        status, kind = self.ERRORS[fault]
        message = ONLY_CLAUDE_CODE if fault is Fault.FORBIDDEN else f"refused: {asked.user}"
        headers = {"retry-after": str(RETRY_AFTER_S)} if status == 429 else {}
        return Reply(status, {"type": "error", "error": {"type": kind, "message": message}}, headers)


class FakeGemini(FakeServer):
    """``POST /v1beta/models/<model>:generateContent``. A rate limit says in its details when to come back."""

    ERRORS: ClassVar[Mapping[Fault, Any]] = {
        Fault.BAD_REQUEST: (400, "INVALID_ARGUMENT"),
        Fault.UNAUTHORIZED: (401, "UNAUTHENTICATED"),
        Fault.FORBIDDEN: (403, "PERMISSION_DENIED"),
        Fault.MISSING_MODEL: (404, "NOT_FOUND"),
        Fault.RATE_LIMITED: (429, "RESOURCE_EXHAUSTED"),
        Fault.SERVER_ERROR: (500, "INTERNAL"),
        Fault.OVERLOADED: (503, "UNAVAILABLE"),
    }

    async def respond(self, received: Received) -> Reply | Fault:
        """Answer one request."""
        called = re.fullmatch(r"/v1beta/models/([^/:]+):generateContent", received.path)
        if received.method != "POST" or called is None:
            return Reply(404, {"error": {"code": 404, "message": received.path, "status": "NOT_FOUND"}})
        body = received.body
        roles = {"user": "user", "model": "assistant"}
        asked = Asked(
            called[1],
            _parts(body["systemInstruction"]),
            tuple((roles[content["role"]], _parts(content)) for content in body["contents"]),
            body["generationConfig"].get("responseJsonSchema"),
            received,
        )
        text, fault = await self.decide(asked)
        if fault in IN_THE_WAY:
            return fault
        if fault in self.ERRORS:
            return self._error(asked, fault)
        read = tokens(asked.system, *(said for _, said in asked.turns))
        return Reply(200, {
            "candidates": [{
                "content": {"role": "model", "parts": [{"text": text}] if text else []},
                "finishReason": STOPPED.get(fault, ("", "STOP"))[1], "index": 0,
            }],
            "usageMetadata": {
                "promptTokenCount": read, "candidatesTokenCount": tokens(text), "thoughtsTokenCount": 3,
                "cachedContentTokenCount": 2, "totalTokenCount": read + tokens(text) + 3,
            },
            "modelVersion": asked.model,
        })  # fmt: skip

    def _error(self, asked: Asked, fault: Fault) -> Reply:
        code, status = self.ERRORS[fault]
        error: dict[str, Any] = {"code": code, "message": f"refused: {asked.user}", "status": status}
        if fault is Fault.RATE_LIMITED:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": f"{RETRY_AFTER_S}s"}]
        return Reply(code, {"error": error})


class FakeOllama(FakeServer):
    """``/api/chat``, ``/api/tags`` and ``/api/embed``.

    ``models`` are those that are pulled (a name without a tag means ``latest``); None: whatever is asked for.
    Vectors depend on the text alone; texts that share words are near each other.
    """

    ERRORS: ClassVar[Mapping[Fault, Any]] = {
        Fault.BAD_REQUEST: 400,
        Fault.UNAUTHORIZED: 401,
        Fault.FORBIDDEN: 403,
        Fault.RATE_LIMITED: 429,
        Fault.SERVER_ERROR: 500,
        Fault.OVERLOADED: 503,
    }

    def __init__(
        self, answer: Answer | None = None, *, models: Iterable[str] | None = None, dimension: int = 8, **script: Any
    ) -> None:
        super().__init__(answer, **script)
        self.models = None if models is None else [_tagged(model) for model in models]
        self.dimension = dimension
        self.embedding_faults: list[Fault] = []

    async def respond(self, received: Received) -> Reply | Fault:
        """Answer one request."""
        if received.path == "/api/tags":
            return Reply(200, {"models": [{"model": name, "name": name, "digest": digest(name), "size": 1}
                                          for name in self.models or []]})  # fmt: skip
        if received.path not in ("/api/chat", "/api/embed"):
            return Reply(404, {"error": "404 page not found"})
        if self.models is not None and _tagged(received.body["model"]) not in self.models:
            return _not_pulled(received.body["model"])
        return await (self._chat(received) if received.path == "/api/chat" else self._embed(received))

    async def _chat(self, received: Received) -> Reply | Fault:
        body = received.body
        system, *turns = [(message["role"], message["content"]) for message in body["messages"]]
        asked = Asked(body["model"], system[1], tuple(turns), body.get("format"), received)
        text, fault = await self.decide(asked)
        if fault is Fault.MISSING_MODEL:
            return _not_pulled(asked.model)
        if fault in IN_THE_WAY or fault in self.ERRORS:
            return self._fault(fault, asked.user)
        return Reply(200, {
            "model": asked.model, "created_at": "2026-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": text}, "done": True,
            "done_reason": "length" if fault is Fault.TRUNCATED_JSON else "stop",
            "prompt_eval_count": tokens(asked.system, *(said for _, said in turns)), "eval_count": tokens(text),
        })  # fmt: skip

    async def _embed(self, received: Received) -> Reply | Fault:
        texts = received.body["input"]
        if self.embedding_faults:
            return self._fault(self.embedding_faults.pop(0), "a text")
        vectors = [self.vector(text).tolist() for text in texts]
        return Reply(200, {"model": received.body["model"], "embeddings": vectors})

    def vector(self, text: str) -> np.ndarray[Any, Any]:
        """Return the (dimension,) vector of a text, of no particular length."""
        seeds = (int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") for word in text.lower().split())
        return sum(
            (np.random.default_rng(seed).normal(size=self.dimension) for seed in seeds),
            np.full(self.dimension, 0.1),
        )

    def _fault(self, fault: Fault, said: str) -> Reply | Fault:
        if fault in IN_THE_WAY:
            return fault
        status = self.ERRORS[fault]
        headers = {"retry-after": str(RETRY_AFTER_S)} if status == 429 else {}
        return Reply(status, {"error": f"refused: {said}"}, headers)


def digest(name: str) -> str:
    """The fingerprint that ``FakeOllama`` gives for a model."""
    return hashlib.sha256(name.encode()).hexdigest()


def _tagged(model: str) -> str:
    return model if ":" in model else f"{model}:latest"


def _parts(content: Any) -> str:
    return "".join(part["text"] for part in content["parts"])


def _not_pulled(model: str) -> Reply:
    return Reply(404, {"error": f'model "{model}" not found, try pulling it first'})
