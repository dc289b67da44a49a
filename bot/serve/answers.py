"""What the service answers: the bodies of its responses, as OpenAPI shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from analysis.model import Band
from analysis.provenance.model import Provenance
from bot.judging import medium_json

if TYPE_CHECKING:
    from analysis.model import Analysis, Score
    from bot.judging import Fault, Outcome
    from bot.serve.desk import Job


class Prediction(StrEnum):
    """The answer in one word. Neither `FAKE` nor `REAL` is ever more than a band."""

    FAKE = "FAKE"
    REAL = "REAL"
    UNCERTAIN = "UNCERTAIN"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"


_OF_BAND = {
    Band.HIGH: Prediction.FAKE,
    Band.UNCERTAIN: Prediction.UNCERTAIN,
    Band.LOW: Prediction.REAL,
    Band.TRUSTED: Prediction.REAL,
    Band.UNKNOWN: Prediction.UNKNOWN,
}
_HALF = 0.5


class Problem(BaseModel):
    """Why there is no answer: a stable code, and the cause and mend in one line."""

    reason: str = Field(examples=["not_media"])
    message: str


class Failure(BaseModel):
    """The body of every answer that is none."""

    error: Problem


class VerdictAnswer(BaseModel):
    """The ensemble's verdict on one medium."""

    band: Band
    probability: float | None = Field(ge=0.01, le=0.99, description="Null where the policy states none.")
    policy: str
    reasons: list[dict[str, str]]


class ScoreAnswer(BaseModel):
    """One detector's score."""

    detector: str
    score: float | None = Field(ge=0, le=1, description="1 = fake; null where it does not apply.")
    applicable: bool
    reason: str | None


class MediumAnswer(BaseModel):
    """One medium, as `veritag check --json` has it."""

    sha256: str
    kind: str
    verdict: VerdictAnswer
    scores: list[ScoreAnswer]
    provenance: Provenance | None = None
    timing: dict[str, float] = Field(description="Seconds by stage.")


class Times(BaseModel):
    """When the work began and ended, in UTC."""

    start_time: str = Field(examples=["2026-01-31 12:00:00"])
    end_time: str


class Judged(Times):
    """The verdicts on the media of one file or URL; the first fields tell of the worst of them."""

    input: str
    df_probability: float | None
    prediction: Prediction
    media: list[MediumAnswer]
    unjudged: Problem | None = Field(None, description="Why further media of the URL have no verdict.")
    model_version: str


class Scored(Times):
    """One detector's say on the media of one file or URL; of several, the highest score."""

    input: str
    detector: str
    df_probability: float | None = Field(ge=0, le=1, description="The detector's score, not calibrated.")
    prediction: Prediction = Field(description="FAKE from 0.5 on, as such services have it.")
    reason: str | None = Field(None, description="Why it does not apply.")
    evidence: dict[str, Any]
    model_version: str


class JobAnswer(BaseModel):
    """A job: ask its ``url`` again until ``state`` is done, failed or cancelled."""

    id: str
    url: str
    state: str
    stage: str | None = Field(description="The engine's stage that was done last.")
    progress: float = Field(ge=0, le=1)
    result: Judged | Scored | None = None
    error: Problem | None = None


class Healthy(BaseModel):
    """Whether analyses can be had; the rest is shown to callers with a key."""

    healthy: str = Field(examples=["yes"])
    model_version: str | None = None
    detectors: dict[str, dict[str, Any]] | None = None
    waiting: int | None = None
    reason: str | None = None


def judged(job: Job, outcome: Outcome) -> Judged:
    """The answer to a job that has at least one analysis."""
    worst = max(outcome.analyses, key=lambda found: found.verdict.band.severity)
    return Judged(
        input=outcome.given,
        df_probability=worst.verdict.probability,
        prediction=_OF_BAND[worst.verdict.band],
        media=[MediumAnswer.model_validate(medium_json(found)) for found in outcome.analyses],
        unjudged=None if outcome.fault is None else problem(outcome.fault),
        model_version=worst.fingerprint,
        **_times(job),
    )


def scored(job: Job, outcome: Outcome, detector: str) -> Scored:
    """The answer of one detector to a job that has at least one analysis."""
    found = [(_of(analysis, detector), analysis) for analysis in outcome.analyses]
    score, analysis = max(found, key=lambda pair: -1.0 if pair[0].score is None else pair[0].score)
    if score.score is None:
        prediction = Prediction.NOT_APPLICABLE
    else:
        prediction = Prediction.FAKE if score.score >= _HALF else Prediction.REAL
    return Scored(
        input=outcome.given,
        detector=detector,
        df_probability=score.score,
        prediction=prediction,
        reason=score.reason,
        evidence=dict(score.evidence),
        model_version=analysis.fingerprint,
        **_times(job),
    )


def result_of(job: Job, outcome: Outcome) -> Judged | Scored:
    """The answer to a job that has at least one analysis, in the form that was asked for."""
    return judged(job, outcome) if job.only is None else scored(job, outcome, job.only[0])


def job_answer(job: Job, url: str) -> JobAnswer:
    """How a job stands."""
    answer = JobAnswer(id=job.id, url=url, state=job.state, stage=job.stage, progress=round(job.progress, 3))
    if job.done.done():
        outcome = job.done.result()
        if outcome.analyses:
            answer.result = result_of(job, outcome)
        elif outcome.fault is not None:
            answer.error = problem(outcome.fault)
    return answer


def problem(fault: Fault) -> Problem:
    """A fault as the service tells it."""
    return Problem(reason=fault.reason, message=fault.message)


def health_answer(
    health: Mapping[str, Any], version: str | None, records: Sequence[Mapping[str, Any]], waiting: int
) -> Healthy:
    """The long form of the health check."""
    states: Mapping[str, str] = health.get("detectors", {})
    known = {str(record["name"]): record for record in records}
    return Healthy(
        healthy="yes" if health.get("loaded") and health.get("alive") else "no",
        model_version=version,
        detectors={
            name: {"state": state, **{k: v for k, v in known.get(name, {}).items() if k != "name"}}
            for name, state in states.items()
        },
        waiting=waiting,
    )


def _of(analysis: Analysis, detector: str) -> Score:
    return next(score for score in analysis.scores if score.detector == detector)


def _times(job: Job) -> dict[str, str]:
    return {"start_time": _moment(job.started), "end_time": _moment(job.ended or job.started)}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
