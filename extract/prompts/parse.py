"""Find the JSON in a model's answer and check it against its schema.

Models wrap their JSON in code fences, talk and thinking. A complaint about an answer names the place and the rule,
never the value, because an answer may quote a memory.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kg.errors import MalformedOutput

T = TypeVar("T", bound=BaseModel)

MAX_CHARS = 1_000_000
"""Longer answers are refused unread."""

_MAX_STARTS = 64
_MAX_ERRORS = 8
_DECODER = json.JSONDecoder()
_THOUGHT_END = re.compile(r"</think(?:ing)?>")
_HALF_VALUE = re.compile(r"[\w.+-]{0,8}\s*\Z")
"""The rest of a text that ends in the middle of an object."""
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


@dataclass(frozen=True)
class Complaint:
    """Why an answer is unusable, in words that the model can act on.

    Attributes:
        truncated: the answer reached its longest length and was cut off.
    """

    text: str
    truncated: bool = False


class TruncatedOutput(MalformedOutput):
    """The answer reached its longest length and was cut off; ask the question in parts."""


def parse_answer(text: str, output: type[T], *, items: int = 1, truncated: bool) -> T | Complaint:
    """Return the validated answer, or what is wrong with it.

    Args:
        text: the answer as it came.
        output: what it must be.
        items: how many items were asked about; the output's validators get it as their context.
        truncated: the provider says that it cut the answer off.
    """
    if len(text) > MAX_CHARS:
        return Complaint(f"the answer is {len(text):,} characters long; at most {MAX_CHARS:,} are read")
    found = _find_object(_without_thinking(text))
    if isinstance(found, Complaint):
        cut = "the answer was cut off because it was too long; answer again, in fewer words"
        return Complaint(cut, truncated=True) if truncated else found
    try:
        return output.model_validate_json(found, context=items)
    except ValidationError as error:
        # The error holds the answer, so it is not raised any further, not even as a cause.
        told = _describe(error.errors(include_url=False, include_context=False, include_input=False))
        return Complaint(told, truncated=truncated)


def _without_thinking(text: str) -> str:
    """Return an answer without the thinking that it may begin with."""
    stripped = text.strip()
    if stripped.startswith(("{", "```")):
        return stripped
    ended = _THOUGHT_END.search(stripped)
    if ended is not None:
        return stripped[ended.end() :]
    return "" if stripped.startswith(("<think>", "<thinking>")) else stripped


def _find_object(text: str) -> str | Complaint:
    """Return the text of the longest JSON object that is not inside another."""
    best = ""
    position = text.find("{")
    for _ in range(_MAX_STARTS):
        if position < 0:
            break
        try:
            end = _DECODER.raw_decode(text, position)[1]
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated string") or _HALF_VALUE.match(text, error.pos):
                return Complaint("the JSON object is not finished; answer again with a whole one")
            end = position + 1
        except (ValueError, RecursionError):
            return Complaint("the JSON object is nested too deeply or holds a number that is too long")
        else:
            best = max(best, text[position:end], key=len)
        position = text.find("{", end)
    return best or Complaint("there is no JSON object in the answer; answer with the JSON object alone")


def _describe(errors: list[ErrorDetails]) -> str:
    told = [_describe_one(error) for error in errors[:_MAX_ERRORS]]
    if len(errors) > _MAX_ERRORS:
        told.append(f"and {len(errors) - _MAX_ERRORS} more")
    return "; ".join(told)


def _describe_one(error: ErrorDetails) -> str:
    place, message = error["loc"], error["msg"]
    if error["type"] == "extra_forbidden":
        place, message = place[:-1], "a property that the schema does not have"
    elif error["type"].startswith("union_tag"):
        message = "none of the kinds that the schema has"
    keys = [str(key) if isinstance(key, int) or _PLAIN_KEY.fullmatch(key) else "…" for key in place]
    return f"{'.'.join(keys) or 'the answer'}: {message}"
