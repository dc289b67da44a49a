"""The routes of `veritag serve`."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from analysis.errors import AnalysisError
from bot.serve import answers
from bot.serve.answers import Failure, Healthy, JobAnswer, Judged, Scored
from bot.serve.desk import Busy, Desk, Job
from bot.serve.gate import BodyLimit, Keys, Rate, TooLarge, caller, too_large
from bot.serve.metrics import CONTENT_TYPE, Counting, Metrics
from bot.web.resolving import resolve_router, this_machine

if TYPE_CHECKING:
    from analysis.engine import EmbeddedAnalyzer
    from bot.config.serve import Serve
    from bot.judging import Outcome
    from bot.resolver import Resolver

_LOOK = 0.5  # seconds between two looks whether the caller is still there
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["file_path"],
                "properties": {"file_path": {"type": "string", "description": "URL of a medium or post."}},
            }
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
    },
}
_FAILURES: dict[int | str, dict[str, Any]] = {
    400: {"model": Failure, "description": "The request cannot be understood."},
    401: {"model": Failure, "description": "No valid key."},
    413: {"model": Failure, "description": "The upload is too large."},
    422: {"model": Failure, "description": "The file or URL cannot be judged; `reason` says why."},
    429: {"model": Failure, "description": "Too many requests of this caller; see Retry-After."},
    500: {"model": Failure, "description": "The engine failed; another try may help."},
    503: {"model": Failure, "description": "Too many requests wait, or a site does; see Retry-After."},
    504: {"model": Failure, "description": "It took too long."},
}
_PASSING = {"network": 60, "rate_limited": 300}  # seconds after which another try may help


class Refused(Exception):
    """A request that gets no answer: the HTTP status, a stable code, the cause and mend."""

    def __init__(self, status: int, reason: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


def create_app(
    engine: EmbeddedAnalyzer, desk: Desk, settings: Serve, scratch: Path, resolver: Resolver | None = None
) -> FastAPI:
    """The application.

    Args:
        engine: asked for its health and fingerprint; analyses go through the desk.
        scratch: folder for uploads while they are judged; nobody else's.
        resolver: answers `POST /resolve`; without one there is no such route.
    """
    service = _Service(engine, desk, settings, scratch)
    app = FastAPI(
        title="Veritag",
        description="Says whether media show signs of being generated or manipulated.",
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, limit=settings.max_upload)
    app.add_exception_handler(TooLarge, lambda *_: too_large(settings.max_upload))
    app.add_exception_handler(Refused, _refuse)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.include_router(service.router)
    if resolver is not None:
        app.include_router(service.resolving(resolver))
    app.add_middleware(Counting, metrics=service.metrics)
    return app


class _Service:
    """The routes with what they share."""

    def __init__(self, engine: EmbeddedAnalyzer, desk: Desk, settings: Serve, scratch: Path) -> None:
        self._engine = engine
        self._desk = desk
        self._settings = settings
        self._scratch = scratch
        self._keys = Keys(settings.keys)
        self._rate = Rate(settings.requests_per_minute)
        self.metrics = Metrics(lambda: desk.open, lambda: float(bool(engine.health()["loaded"])))
        self.router = APIRouter()
        self._add_routes()

    def resolving(self, resolver: Resolver) -> APIRouter:
        """`POST /resolve`, for the same callers."""
        admit = [self._admit, self._ration, *([] if self._settings.keys else [this_machine])]
        return resolve_router(resolver, *admit)

    def _add_routes(self) -> None:
        keyed, asking = [Depends(self._admit)], [Depends(self._admit), Depends(self._ration)]
        add: Callable[..., None] = self.router.add_api_route
        shared: dict[str, Any] = {"methods": ["POST"], "dependencies": asking, "responses": _FAILURES}
        body = {"openapi_extra": {"requestBody": _BODY}}
        add(
            "/predict",
            self.predict,
            response_model=Judged,
            **shared | body,
        )
        add("/predict/{detector}", self.predict_one, response_model=Scored, **shared | body)
        add("/jobs", self.begin, response_model=JobAnswer, status_code=202, **shared | body)
        jobs: dict[str, Any] = {"dependencies": keyed, "responses": {404: {"model": Failure}}}
        add("/jobs/{job}", self.look, methods=["GET"], response_model=JobAnswer, **jobs)
        add("/jobs/{job}", self.give_up, methods=["DELETE"], response_model=JobAnswer, **jobs)
        unhealthy = {503: {"model": Healthy, "description": "The detectors are not loaded."}}
        add("/healthcheck", self.healthcheck, methods=["GET"], response_model=Healthy, responses=unhealthy)
        add("/metrics", self.show_metrics, methods=["GET"], dependencies=keyed, response_class=Response)

    async def predict(self, request: Request) -> Judged:
        """Judge an uploaded file, or the media of a URL, and wait for the verdict."""
        job, outcome = await self._judge(request, None)
        return answers.judged(job, outcome)

    async def predict_one(self, request: Request, detector: str) -> Scored:
        """The score of one detector alone, as it gave it: no calibration, no verdict."""
        self._check(detector)
        job, outcome = await self._judge(request, (detector,))
        return answers.scored(job, outcome, detector)

    async def begin(self, request: Request, detector: str | None = None) -> JobAnswer:
        """As `/predict`, or `/predict/{detector}`, without waiting: a job that can be asked how far it is."""
        if detector is not None:
            self._check(detector)
        job = await self._take(request, None if detector is None else (detector,))
        return answers.job_answer(job, _url(job))

    async def look(self, job: str) -> JobAnswer:
        """How far a job is, and its result when it is done."""
        found = self._find(job)
        return answers.job_answer(found, _url(found))

    async def give_up(self, job: str) -> JobAnswer:
        """Cancel a job."""
        found = self._find(job)
        self._desk.cancel(found)
        return answers.job_answer(found, _url(found))

    async def healthcheck(self, request: Request, response: Response) -> Healthy:
        """Healthy when the detectors are loaded."""
        from detectors import record

        response.headers["Cache-Control"] = "no-store"
        health = self._engine.health()
        version = self._engine.fingerprint if health["loaded"] else None
        records = [
            {"name": name, "title": known.title, "weights_sha256": known.file.sha256}
            for name in self._desk.detectors
            for known in [record(name)]
        ]
        long = answers.health_answer(health, version, records, self._desk.open)
        if long.healthy != "yes":
            response.status_code = 503
            long.reason = "the detectors are being loaded" if health["alive"] else "the engine has ended"
        return long if self._keys.admit(request.headers) else Healthy(healthy=long.healthy)

    async def show_metrics(self) -> Response:
        """Counters for Prometheus."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    def _admit(self, request: Request) -> None:
        if not self._keys.admit(request.headers):
            raise Refused(401, "unauthorised", "present a key as `Authorization: Bearer KEY` or `X-API-Key`")

    def _ration(self, request: Request) -> None:
        host = request.client.host if request.client else None
        wait = math.ceil(self._rate.wait(caller(request.headers, host)))
        if wait:
            raise Refused(429, "rate_limited", f"too many requests; try again in {wait} s", wait)

    def _check(self, detector: str) -> None:
        if detector not in self._desk.detectors:
            here = ", ".join(self._desk.detectors)
            raise Refused(
                404, "unknown_detector", f"no detector {detector[:80]!r} is served here, but {here}"
            )

    def _find(self, number: str) -> Job:
        job = self._desk.find(number)
        if job is None:
            raise Refused(404, "no_such_job", "there is no such job any more; ask anew")
        return job

    async def _judge(self, request: Request, only: tuple[str, ...] | None) -> tuple[Job, Outcome]:
        job = await self._take(request, only)
        waiting, limit = asyncio.wrap_future(job.done), self._settings.timeout
        while not waiting.done() and limit > 0:
            await asyncio.wait([waiting], timeout=min(_LOOK, limit))
            limit -= _LOOK
            if await request.is_disconnected():
                self._desk.cancel(job)
                raise Refused(499, "gone", "the caller has left")
        if not waiting.done():
            self._desk.cancel(job)
            raise Refused(504, "timed_out", "it took too long; ask for a job instead, or try again")
        outcome = waiting.result()
        return (job, outcome) if outcome.analyses else _no_verdict(outcome)

    def _note(self, outcome: Outcome) -> None:
        for analysis in outcome.analyses:
            self.metrics.judged(analysis.verdict.band, analysis.timing)
        if outcome.fault is not None:
            self.metrics.failed(outcome.fault.reason)

    async def _take(self, request: Request, only: tuple[str, ...] | None) -> Job:
        if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            given, upload = await self._save(request)
        else:
            given, upload = await _url_in(request), None
        try:
            job = self._desk.take(Job(given, upload, only))
        except (Busy, AnalysisError) as error:
            if upload is not None:
                upload.unlink()
            if isinstance(error, Busy):
                raise Refused(503, "busy", str(error), error.retry_after) from error
            raise Refused(503, "engine_failed", str(error)) from error
        job.done.add_done_callback(lambda done: self._note(done.result()))
        return job

    async def _save(self, request: Request) -> tuple[str, Path]:
        async with request.form(max_files=1, max_fields=8) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Refused(400, "no_file", "send the file as the form's field `file`")
            with tempfile.NamedTemporaryFile(dir=self._scratch, delete=False) as target:
                while chunk := await file.read(1 << 20):
                    target.write(chunk)
            return Path(file.filename or "upload").name[:200], Path(target.name)


async def _url_in(request: Request) -> str:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise Refused(400, "not_understood", "send JSON, or a form with the field `file`") from error
    url = body.get("file_path") if isinstance(body, dict) else None
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        message = "give `file_path` as an http(s) URL; files of this machine are not read, upload them"
        raise Refused(400, "not_understood", message)
    return url


def _url(job: Job) -> str:
    return f"/jobs/{job.id}"


def _no_verdict(outcome: Outcome) -> NoReturn:
    fault = outcome.fault
    if fault is None:
        raise Refused(422, "no_media", "there are no media at this URL")
    if fault.reason in _PASSING:
        raise Refused(503, fault.reason, fault.message, _PASSING[fault.reason])
    raise Refused(422 if fault.unusable else 500, fault.reason, fault.message)


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _failure(error.status, error.reason, str(error), headers)


async def _not_found(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{error.detail}; GET /openapi.json lists the routes"
    return _failure(error.status_code, "not_understood", message, dict(error.headers or {}))


async def _not_understood(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _failure(422, "not_understood", "; ".join(str(item["msg"]) for item in error.errors())[:500])


def _failure(status: int, reason: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"reason": reason, "message": message}}, status, headers)
