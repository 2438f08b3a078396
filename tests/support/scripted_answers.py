"""A router that answers from a script, by way of the real parser, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from extract.prompts.load import RenderedPrompt
from extract.prompts.parse import Complaint, parse_answer
from extract.routing.router import Asked
from kg.errors import ExtractionError, MalformedOutput
from kg.model_values import ModelCall, ModelWork

Step = dict[str, Any] | ExtractionError | Callable[[RenderedPrompt], dict[str, Any]]


class ScriptedAnswers:
    """Answers each question with the next step; the last one stays."""

    def __init__(self, *steps: Step, models: tuple[str, ...] = ("ollama:qwen3:14b",)) -> None:
        self.steps = list(steps)
        self.models = list(models)
        self.prompts: list[RenderedPrompt] = []
        self.outputs: list[type] = []
        self.limits: list[int] = []
        self.tasks: list[str] = []
        self.divisible: list[bool] = []

    async def ask(self, task, prompt, output, *, items=1, max_output_tokens=8192, divisible=False):
        self.tasks.append(task)
        self.divisible.append(divisible)
        self.prompts.append(prompt)
        self.outputs.append(output)
        self.limits.append(max_output_tokens)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        model = self.models.pop(0) if len(self.models) > 1 else self.models[0]
        if isinstance(step, ExtractionError):
            raise step
        value = parse_answer(json.dumps(step(prompt) if callable(step) else step), output, items=items, truncated=False)
        if isinstance(value, Complaint):
            raise MalformedOutput(prompt.name, model, value.text)
        call = ModelCall(task, model, "ok", input_tokens=100, output_tokens=10)
        return Asked(value, ModelWork(model, prompt.name, prompt.hash, (call,)))
