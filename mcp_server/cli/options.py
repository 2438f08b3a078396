"""A command's options, made from the parameters of the operation that it calls.

An option that ``Options`` adds is stored under its parameter's name, so ``given`` finds it again: names, types and
defaults are the operation's own.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from kg.operations.tool_parameters import Operation, Parameter, parameters_of
from kg.values import JsonObject

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage] - argparse names it nowhere else

Run = Callable[[Namespace], int]
"""Runs a command and returns its exit status."""

_TYPES: dict[str, Callable[[str], object]] = {"integer": int, "number": float}
_METAVARS = {"integer": "N", "number": "X"}


class Options:
    """Adds options to a command.

    Args:
        command: the command.
        operation: what it calls.
        inherited: the command above has the same options; its values hold where they are not given again.
    """

    def __init__(self, command: ArgumentParser, operation: Operation, *, inherited: bool = False) -> None:
        self._command = command
        self._parameters = parameters_of(operation)
        self._inherited = inherited

    def add(
        self,
        name: str,
        flag: str = "",
        *,
        metavar: str | None = None,
        default: int | None = None,
        nargs: str | None = None,
    ) -> None:
        """Add an option for one parameter.

        Args:
            name: the parameter's name.
            flag: what a person types; by default the parameter's name.
            metavar: stands for the value in the help.
            default: taken instead of the operation's default.
            nargs: ``+`` for a value of any number of words.
        """
        parameter = self._parameters[name]
        flag = flag or f"--{name.replace('_', '-')}"
        absent = SUPPRESS if self._inherited else default
        if parameter.type == "boolean":
            self._command.add_argument(flag, dest=name, action="store_const", const=True, help=_help(parameter))
            return
        shown = parameter.default if default is None else default
        self._command.add_argument(
            flag,
            dest=name,
            type=_TYPES.get(parameter.type, str),
            default=absent,
            nargs=nargs,
            required=parameter.required,
            metavar=metavar or _METAVARS.get(parameter.type),
            help=_help(parameter) + (f" (default: {shown})" if isinstance(shown, int) else ""),
        )

    def add_argument(self, name: str, metavar: str, *, nargs: str | None = None) -> None:
        """Add a parameter that is given by its place; with ``nargs="+"`` in any number of words."""
        self._command.add_argument(name, metavar=metavar, nargs=nargs, help=_help(self._parameters[name]))


def given(arguments: Namespace, operation: Operation) -> JsonObject:
    """Return what a person gave for an operation's parameters."""
    typed = vars(arguments)
    return {name: typed[name] for name in parameters_of(operation) if typed.get(name) is not None}


def set_run(command: ArgumentParser, run: Run) -> None:
    """Make a command run a function, which answers in JSON where ``--json`` is given."""
    command.add_argument("--json", action="store_true", default=SUPPRESS, help="print one JSON document")
    command.set_defaults(run=run)


def add_command(commands: _SubParsersAction[ArgumentParser], name: str, purpose: str) -> ArgumentParser:
    """Add a command to a group of commands."""
    return commands.add_parser(name, help=purpose, description=sentence(purpose), allow_abbrev=False)


def sentence(purpose: str) -> str:
    """Return what a command does as a sentence."""
    return f"{purpose[0].upper()}{purpose[1:]}."


def _help(parameter: Parameter) -> str:
    return parameter.help or parameter.description
