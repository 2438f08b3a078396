"""HTTP routes for people: the operations of ``kg.operations.administration`` by name, and the metrics.

Only the operations listed here can be called. An operation takes the arguments of its method as one JSON object; the
same headers as with a tool call say who calls. A failure is answered in the words of ``mcp_server.tools.failures``.

A large graph may take minutes. So that the caller does not take that for silence, the status 200 and a blank now and
then go ahead of the answer; a failure is then told in the body alone, in the same form.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kg.errors import CommitInDoubt, InvalidInput, KgError, ModelUnavailable, NotFound, StoreUnavailable, shorten
from kg.narrow import is_object
from kg.operations.administration import Administration
from kg.operations.tool_parameters import Operation, parameters_of
from kg.reports.picture import Pictures
from kg.reports.run import Reports
from mcp_server.link.session import IN_DOUBT
from mcp_server.tools.failures import told
from mcp_server.tools.tools import session_of

OPERATIONS: Mapping[str, Operation] = {
    operation.__name__: operation
    for operation in (
        Administration.list_jobs,
        Administration.get_job,
        Administration.retry_jobs,
        Administration.cancel_job,
        Administration.extract_pending,
        Administration.list_conflicts,
        Administration.undo_decision,
        Administration.list_merges,
        Administration.merge_entities,
        Administration.undo_merge,
        Administration.undo_update,
        Administration.reindex,
        Administration.cancel_reindex,
        Administration.repair,
        Reports.list_reports,
        Reports.run_report,
        Pictures.draw_graph,
        Pictures.draw_timeline,
    )
}

MAX_ARGUMENTS_BYTES = 64 << 10
QUIET_S = 10.0
"""Longest time without a sign of life to the caller."""

Waiting = Callable[[], Awaitable[str | None]]
"""Waits a little for the service to be ready; returns None, or what it is doing instead."""


class Backend(Protocol):
    """What these routes need of the running service."""

    @property
    def administration(self) -> Administration:
        """The operations for people."""
        ...

    @property
    def reports(self) -> Reports:
        """The reports."""
        ...

    @property
    def pictures(self) -> Pictures:
        """The pictures."""
        ...

    @property
    def default_user(self) -> str:
        """The user of a call that names none."""
        ...

    async def metrics(self) -> tuple[bytes, str]:
        """Return the text of all metrics and its content type."""
        ...


class _Refused(KgError):
    """A request that was refused before any operation was tried."""

    def __init__(self, status: HTTPStatus, message: str, *, retryable: bool = False) -> None:
        self.status = status
        self.retryable = retryable
        super().__init__(message)


def admin_routes(backend: Backend, waiting: Waiting, *, quiet_s: float = QUIET_S) -> list[Route]:
    """Return the routes ``POST /admin/{operation}`` and ``GET /metrics``.

    Every failure is ``{"error": message, "retryable": bool}``, with a status of 400, 404, 409, 413 or 503, or of 200 if
    it comes late.

    Args:
        backend: the running service.
        waiting: waits for it to be ready.
        quiet_s: longest time without a sign of life to the caller.
    """
    working: set[asyncio.Task[Response]] = set()  # an operation goes on when its caller has gone

    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await _operate(backend, waiting, request))
        except Exception as error:  # noqa: BLE001 - the route's edge
            return _failure(error, request.path_params["operation"])

    async def operate(request: Request) -> Response:
        task = asyncio.create_task(answer(request))
        working.add(task)
        task.add_done_callback(working.discard)
        done, _ = await asyncio.wait({task}, timeout=quiet_s)
        return task.result() if done else StreamingResponse(_kept_open(task, quiet_s), media_type="application/json")

    async def metrics(_: Request) -> Response:
        try:
            await _be_ready(waiting)
            content, kind = await backend.metrics()
        except Exception as error:  # noqa: BLE001 - the route's edge
            return _failure(error, "metrics")
        return Response(content, media_type=kind)

    return [Route("/admin/{operation}", operate, methods=["POST"]), Route("/metrics", metrics)]


async def _kept_open(answering: asyncio.Task[Response], quiet_s: float) -> AsyncGenerator[bytes]:
    """Yield a blank now and then, and the answer at last."""
    yield b" "
    while not answering.done():
        await asyncio.wait({answering}, timeout=quiet_s)
        yield b" "
    yield bytes(answering.result().body)


async def _operate(backend: Backend, waiting: Waiting, request: Request) -> Mapping[str, Any]:
    name: str = request.path_params["operation"]
    operation = OPERATIONS.get(name)
    if operation is None:
        raise _Refused(HTTPStatus.NOT_FOUND, f"{shorten(name)}: no such operation; there are {', '.join(OPERATIONS)}")
    given = _parsed(await _body(request))
    await _be_ready(waiting)
    _check_names(operation, given)
    session = session_of(request.headers, backend.default_user).calling(name, given)
    return await operation(_owner(backend, operation), session, **given)


def _owner(backend: Backend, operation: Operation) -> Administration | Reports | Pictures:
    """Return the object whose method an operation is."""
    if operation in (Pictures.draw_graph, Pictures.draw_timeline):
        return backend.pictures
    return backend.reports if operation in (Reports.list_reports, Reports.run_report) else backend.administration


async def _be_ready(waiting: Waiting) -> None:
    doing = await waiting()
    if doing is not None:
        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, doing, retryable=True)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_ARGUMENTS_BYTES:
            raise _Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body: at most {MAX_ARGUMENTS_BYTES} bytes of arguments are taken"
            )
    return bytes(body)


def _parsed(body: bytes) -> dict[str, Any]:
    """Return the arguments; an empty body means none, and an argument that is null is left out."""
    try:
        content: object = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise InvalidInput("body", f"{len(body)} bytes", "give the arguments as one JSON object") from error
    if not is_object(content):
        raise InvalidInput("body", type(content).__name__, "give the arguments as one JSON object")
    return {name: value for name, value in content.items() if value is not None}


def _check_names(operation: Operation, given: dict[str, Any]) -> None:
    """Refuse arguments that the operation does not have, and a call that lacks one it needs."""
    accepted = parameters_of(operation)
    unknown = sorted(given.keys() - accepted.keys())
    if unknown:
        names = ", ".join(accepted) or "none"
        raise _Refused(
            HTTPStatus.BAD_REQUEST,
            f"{shorten(', '.join(unknown))}: no such argument; {operation.__name__} takes {names}",
        )
    missing = [name for name, parameter in accepted.items() if parameter.required and name not in given]
    if missing:
        raise _Refused(
            HTTPStatus.BAD_REQUEST, f"{', '.join(missing)}: missing; {operation.__name__} cannot work without"
        )


def _failure(error: Exception, what: str) -> JSONResponse:
    retryable = isinstance(error, (_Refused, StoreUnavailable, ModelUnavailable)) and error.retryable
    text = str(error) if isinstance(error, KgError) else told(error, what)
    answer = {"error": text, "retryable": retryable}
    return JSONResponse(
        answer | ({IN_DOUBT: True} if isinstance(error, CommitInDoubt) else {}), status_code=_status(error)
    )


def _status(error: Exception) -> HTTPStatus:
    if not isinstance(error, KgError):
        return HTTPStatus.INTERNAL_SERVER_ERROR
    match error:
        case _Refused():
            return error.status
        case InvalidInput():
            return HTTPStatus.BAD_REQUEST
        case NotFound():
            return HTTPStatus.NOT_FOUND
        case StoreUnavailable() | ModelUnavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.CONFLICT  # the request is sound, the present state or set-up does not allow it
