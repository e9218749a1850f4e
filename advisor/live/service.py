"""The service itself: what can be asked of it, and how it answers. The only door to FastAPI."""

import asyncio
import functools
from collections.abc import Sequence
from importlib.resources import files
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr
from starlette.exceptions import HTTPException

from advisor.errors import Busy
from advisor.live.answering import Answering
from advisor.live.gate import Limits
from advisor.live.gauges import Gauges
from advisor.live.neighbourhood import Neighbourhood
from advisor.live.served import ServedFile
from advisor.live.typed import Told, cells_of, read_truth, rows_of
from advisor.rulebook import load_tasks
from advisor.way import Way
from pipeline.errors import DataError, PipelineError, StorageError
from pipeline.task import Answer

PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
STATUS: dict[type[PipelineError], int] = {DataError: 422, Busy: 503, StorageError: 507}
FAULTS = {
    404: ("There is nothing here.", "`GET /openapi.json` lists what there is."),
    405: ("This cannot be asked so.", "`GET /openapi.json` says how."),
}


def _whole(text: str) -> str:
    """Refuse half characters, which no file and no model can hold."""
    text.encode()
    return text


Text = Annotated[StrictStr, AfterValidator(_whole)]


class Asked(BaseModel):
    """Rows to be answered."""

    model_config = ConfigDict(extra="forbid")
    rows: Annotated[list[dict[str, Text | list[Text]]], Field(min_length=1)]
    """Each holds what is read, by role: `text`, and `text_pair` or `tokens` where the task has them."""


class Answered(BaseModel):
    """The answer to one row."""

    id: str
    """For `POST /mark`."""
    answer: Any
    """A label, a number, or a list of labels or tags."""
    confidence: float | None
    probabilities: dict[str, float]
    """Of each label, likeliest first; empty where a row has not one set of them."""


class Answers(BaseModel):
    """Answers in the order of the rows."""

    answers: list[Answered]


class Marked(BaseModel):
    """What a person says of an answer."""

    model_config = ConfigDict(extra="forbid")
    id: Text
    right: StrictBool
    truth: Text | StrictFloat | StrictInt | list[Text] | None = None
    """The right answer, where the one given is wrong and the right one is known."""


class Pointed(BaseModel):
    """Names an answer."""

    model_config = ConfigDict(extra="forbid")
    id: Text


class NearRow(BaseModel):
    """A row that the run learned from."""

    text: str
    answer: str
    similarity: float


class NearRows(BaseModel):
    """Rows nearest to one that was answered, nearest first."""

    rows: list[NearRow]
    why_none: str
    """Empty where there are some."""


class About(BaseModel):
    """What is served."""

    task: str
    title: str
    way: str
    roles: list[str]
    answered_by: str
    labels: list[str]
    limits: dict[str, int]


class Kept(BaseModel):
    """That a mark is on the disk."""

    kept: bool


class Health(BaseModel):
    """That the service answers."""

    status: str


def build(answering: Answering, file: ServedFile, gauges: Gauges, limits: Limits) -> FastAPI:
    """The service, without the gate before it."""
    way = answering.way
    app = FastAPI(
        title=f"finetune-advisor: {way.folder.path.name}",
        description="Answers rows with a run's model, and takes marks.",
        docs_url=None,
        redoc_url=None,
    )
    rules = load_tasks()[way.task.key]

    @app.get("/health")
    def health() -> Health:
        """Whether the service answers."""
        return Health(status="ok")

    @app.get("/about")
    def about() -> About:
        """What is served, and how much may be asked at once."""
        return About(
            task=way.task.key,
            title=rules.title,
            way=way.title,
            roles=list(way.inputs),
            answered_by=rules.answered_by,
            labels=way.classes,
            limits={"rows": limits.rows, "characters": limits.characters, "body_bytes": limits.body_bytes},
        )

    @app.post("/predict")
    async def predict(asked: Asked) -> Answers:
        """Answer rows; each is kept with its answer before it is handed out."""
        _check(asked.rows, limits)
        cells = [cells_of(way, row) for row in asked.rows]
        found = await asyncio.wrap_future(answering.ask(cells))
        return Answers(answers=[_answered(id_, told) for id_, told in found])

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> str:
        """What the service counts of itself, for Prometheus."""
        return gauges.text(answering.waiting)

    _add_second_looks(app, way, file, gauges)
    _add_page(app)
    _add_faults(app)
    return app


def _add_second_looks(app: FastAPI, way: Way, file: ServedFile, gauges: Gauges) -> None:
    """What can be asked of an answer once it is given."""
    neighbourhood = Neighbourhood(way)

    @app.post("/mark")
    def mark(marked: Marked) -> Kept:
        """Mark an answer right or wrong; it is kept when this returns, and the last mark of an answer holds."""
        row = file.find(marked.id)
        truth: Answer | None = row.answer if marked.right else None
        if marked.truth is not None:
            if marked.right:
                raise DataError("A right answer needs no other.", "Leave `truth` out, or set `right` to false.")
            truth = read_truth(way, rows_of(way, [row.cells]), marked.truth)
        file.mark(marked.id, truth, is_right=marked.right)
        gauges.mark(is_right=marked.right)
        return Kept(kept=True)

    @app.post("/nearest")
    def nearest(pointed: Pointed) -> NearRows:
        """The training rows nearest to a row that was answered; the first time they are read, which takes a while."""
        found = neighbourhood.of(rows_of(way, [file.find(pointed.id).cells]))
        return NearRows(rows=[NearRow(**vars(near)) for near in found.rows], why_none=found.why_none)


def _add_page(app: FastAPI) -> None:
    for path, (name, kind) in PAGE.items():
        held = Response(files("advisor.live").joinpath(name).read_bytes(), media_type=kind)
        app.add_route(path, functools.partial(_page, held), methods=["GET"], include_in_schema=False)


async def _page(held: Response, request: Request) -> Response:
    del request
    return held


def _add_faults(app: FastAPI) -> None:
    """Every fault says the problem and the fix, and nothing of what was sent."""

    @app.exception_handler(PipelineError)
    def pipeline(_: Request, error: PipelineError) -> JSONResponse:
        status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
        return _fault(status, error.problem, error.fix)

    @app.exception_handler(RequestValidationError)
    def validation(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = error.errors()
        if any(fault["type"] == "json_invalid" for fault in faults):
            return _fault(422, "The body is not valid JSON.", "Mend it; `GET /openapi.json` says what it holds.")
        places = sorted({".".join(str(part) for part in fault["loc"][1:4])[:80] for fault in faults})
        problem = f"The body is not as asked: {', '.join(places[:3]) or 'it is empty'}."
        return _fault(422, problem, "`GET /openapi.json` says what it holds.")

    @app.exception_handler(HTTPException)
    def http(_: Request, error: HTTPException) -> JSONResponse:
        problem, fix = FAULTS.get(
            error.status_code, ("The body cannot be read.", "`GET /openapi.json` says what it holds.")
        )
        return _fault(error.status_code, problem, fix)


def _fault(status: int, problem: str, fix: str) -> JSONResponse:
    return JSONResponse({"problem": problem, "fix": fix}, status)


def _check(rows: Sequence[dict[str, str | list[str]]], limits: Limits) -> None:
    """Refuse more than one request may ask.

    Raises:
        DataError: Says how much that is.
    """
    if len(rows) > limits.rows:
        raise DataError(f"There are {len(rows):,} rows; {limits.rows:,} may be asked at once.", "Send them in parts.")
    lengths = [len(each) if isinstance(each, str) else sum(map(len, each)) for row in rows for each in row.values()]
    if max(lengths, default=0) > limits.characters:
        raise DataError(f"A text is longer than {limits.characters:,} characters.", "Send its beginning.")


def _answered(id_: str, told: Told) -> Answered:
    answer = list(told.answer) if isinstance(told.answer, tuple) else told.answer
    return Answered(id=id_, answer=answer, confidence=told.confidence, probabilities=dict(told.probabilities))
