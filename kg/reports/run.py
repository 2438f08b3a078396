"""Run one report for one user: parameters checked, read-only, rows as JSON can hold them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kg.errors import InvalidInput
from kg.graph.partition import present
from kg.language.times import parse_instant
from kg.narrow import is_object
from kg.operations.arguments import Session
from kg.operations.tool_parameters import Parameter as Told
from kg.ports import Clock
from kg.reports.catalog import Parameter, Report, find_report, list_reports
from kg.validate import check_text
from kg.values import JsonObject

if TYPE_CHECKING:
    from kg.graph.store import GraphStore

MAX_ROWS = 5000
_MAX_LIMIT = 100_000
_MAX_TEXT_BYTES = 1024


class Reports:
    """The reports of a running service.

    Args:
        store: the graph.
        clock: what the reports take for the present.
        data_dir: where the person's own reports lie.
    """

    def __init__(self, store: GraphStore, clock: Clock, data_dir: Path) -> None:
        self._store = store
        self._clock = clock
        self._data_dir = data_dir

    def names(self) -> list[str]:
        """Return the names of all reports."""
        return [report.name for report in list_reports(self._data_dir)]

    async def list_reports(self, session: Session) -> JsonObject:
        """Return what each report answers, with its parameters and columns."""
        return {"reports": [_described(report) for report in list_reports(self._data_dir)]}

    async def run_report(
        self,
        session: Session,
        *,
        name: Annotated[object, Told("string", help="the report's name; knowthread report lists them")],
        parameters: Annotated[object, Told("object", "values of the report's own parameters")] = None,
    ) -> JsonObject:
        """Return a report's table."""
        given: object = parameters if parameters is not None else {}
        if not isinstance(name, str) or not is_object(given):
            raise InvalidInput("name and parameters", None, "give the report's name, and its parameters as one object")
        return await self.run(session.scope.user_id, name, given)

    async def run(self, user_id: str, name: str, given: JsonObject) -> JsonObject:
        """Return a report's table.

        Args:
            user_id: whose memories it reads.
            name: of the report.
            given: values of its parameters; text is taken for numbers and dates.

        Raises:
            NotFound: there is no such report.
            InvalidInput: a parameter is unknown, missing or unusable, or the query writes or cannot be run.
            ConfigurationError: an own report's file cannot be used.
            StoreUnavailable: the database does not answer.
        """
        report = find_report(self._data_dir, name)
        values = _values(report, given)
        given_by_service = {"user_id": user_id, "now": await present(self._store, user_id, self._clock)}
        params = values | {name: value for name, value in given_by_service.items() if name in report.query.params}
        columns, rows, whole = await self._store.report(report.query, params, MAX_ROWS)
        answer: dict[str, Any] = {
            "report": report.name,
            "answers": report.answers,
            "parameters": {key: value for key, value in given.items() if value is not None},
            "columns": columns,
            "rows": rows,
        }
        if not whole:
            answer["truncated"] = f"only the first {MAX_ROWS} rows are shown; narrow the report or lower its limit"
        elif rows and len(rows) == values.get("limit"):
            answer["truncated"] = f"{len(rows)} rows are the limit of this report, and there may be more; raise it"
        return answer


def _described(report: Report) -> JsonObject:
    parameters = [
        {
            "name": parameter.name,
            "kind": parameter.kind,
            "meaning": parameter.meaning,
            **({} if parameter.required else {"default": parameter.default}),
        }
        for parameter in report.parameters
    ]
    own = {"own": True} if report.own else {}
    return {
        "name": report.name,
        "answers": report.answers,
        **own,
        "parameters": parameters,
        "columns": dict(report.columns),
    }


def _values(report: Report, given: JsonObject) -> dict[str, object]:
    known = {parameter.name: parameter for parameter in report.parameters}
    takes = ", ".join(known) or "no parameter"
    for name in given:
        if name not in known:
            raise InvalidInput(name, given[name], f"report {report.name} takes {takes}")
    values: dict[str, object] = {}
    for parameter in known.values():
        value = given.get(parameter.name)
        if value is None:
            if parameter.required:
                raise InvalidInput(parameter.name, None, f"give {parameter.meaning or 'a value'}")
            value = parameter.default
        values[parameter.name] = None if value is None else _value(parameter, value)
    return values


def _value(parameter: Parameter, value: object) -> object:
    """Return a value as the query takes it; the command line has nothing but text."""
    kind = parameter.kind.partition(" ")[0]
    if kind == "datetime":
        return parse_instant(parameter.name, value)
    if kind == "integer":
        return _whole_number(parameter.name, value)
    if kind == "float":
        return _number(parameter.name, value)
    if kind == "boolean":
        return _flag(parameter.name, value)
    if not isinstance(value, str | int | float):
        raise InvalidInput(parameter.name, value, "give one text")
    return check_text(parameter.name, str(value), _MAX_TEXT_BYTES)


def _whole_number(name: str, value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number <= _MAX_LIMIT or isinstance(value, bool):
        raise InvalidInput(name, value, f"give a whole number from 0 to {_MAX_LIMIT}")
    return number


def _number(name: str, value: object) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise InvalidInput(name, value, "give a number") from error


def _flag(name: str, value: object) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    flag = known.get(str(value).lower())
    if flag is None:
        raise InvalidInput(name, value, "give true or false")
    return flag
