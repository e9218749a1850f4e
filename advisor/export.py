"""Hands a fine-tuned model over: as ONNX, scored on the same sealed rows before it is called done, and to the hub."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.errors import AnswersError, RunFolderError
from advisor.report.terminal import Steps, Terminal
from advisor.report.wording import say_count, say_score
from advisor.run_folder import RunFolder, shown_path
from pipeline.errors import RunFailed
from pipeline.extras import require
from pipeline.records import Plan, Record
from pipeline.results import Result
from pipeline.storage import load_predictions, save_text

if TYPE_CHECKING:
    from pipeline.predictors.fine_tuned import FineTuned
    from pipeline.task import Predictions

CLOSE = 1e-3
"""How far a number may lie from that of the run, in standard deviations of the scores."""
NEEDED = ("onnx", "onnxruntime", "onnxscript")


@dataclass(frozen=True)
class Wish:
    """What is to be handed over.

    Attributes:
        onnx: Whether it is written as ONNX.
        out: Folder for that; `onnx/` in the run when not given.
        push: OWNER/NAME on the hub.
        public: Whether everybody may see it there.
    """

    onnx: bool
    out: Path | None = None
    push: str | None = None
    public: bool = False


class Exported(Record):
    """What was written, and how it scored."""

    folder: str
    rows: int
    score: float
    run_score: float


def export(folder: RunFolder, wish: Wish, terminal: Terminal) -> None:
    """Write what was wished for.

    Raises:
        RunFolderError: There is no fine-tuned model, or the folder for it is taken.
        MissingExtra: The packages for ONNX are not installed.
        RunFailed: What was written answers otherwise than the run did.
        AnswersError: Nothing was wished for, or the hub cannot be reached as asked.
    """
    if not wish.onnx and wish.push is None:
        raise AnswersError("Nothing is asked for.", "Add `--format onnx`, or `--push OWNER/NAME` for the hub, or both.")
    if not folder.has("result.json") or not folder.has("model/config.json"):
        raise RunFolderError(
            f"'{shown_path(folder.path)}' has no fine-tuned model.", "`advisor train RUN` makes one after a go."
        )
    if wish.push is not None:
        from advisor.hub import check_push

        check_push(folder, wish.push, public=wish.public)
    written = None
    if wish.onnx:
        written = folder.path / "onnx" if wish.out is None else wish.out.resolve()
        done = _export_onnx(folder, written, terminal)
        metric = folder.load("result", Result).metric_facts.title
        terminal.say(
            f"{done.folder}: the same answers as the run's on {say_count(done.rows)} sealed rows, "
            f"{metric} {say_score(done.score)} (the run: {say_score(done.run_score)})."
        )
    if wish.push is not None:
        from advisor.hub import push

        terminal.say(push(folder, wish.push, written, public=wish.public))


def _export_onnx(folder: RunFolder, out: Path, terminal: Terminal) -> Exported:
    from advisor.session import quiet_libraries

    if out.exists():
        raise RunFolderError(
            f"'{shown_path(out)}' is already there.", "Choose another folder with --out; nothing is overwritten."
        )
    for package in NEEDED:
        require(package, "onnx", "ONNX")
    draft = out.with_name(out.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    with terminal.progress(f"Writing {shown_path(out)}") as progress:
        progress.step("reading the model and the data")
        quiet_libraries()
        draft.mkdir(parents=True)
        try:
            done = _write_and_check(folder, draft, progress)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    draft.rename(out)
    return done.model_copy(update={"folder": shown_path(out)})


def _write_and_check(folder: RunFolder, draft: Path, progress: Steps) -> Exported:
    from pipeline.onnx_card import onnx_card
    from pipeline.onnx_export import load_onnx, write_onnx
    from pipeline.predictors.fine_tuned import load_fine_tuned
    from pipeline.run import read_planned_data

    plan, result = folder.load("plan", Plan), folder.load("result", Result)
    tuned = load_fine_tuned(folder.path / "model")
    tuned.model.cpu()
    data = read_planned_data(plan, plan.data, folder.path)
    progress.step("writing ONNX")
    write_onnx(tuned, data.on("train").take(range(2)), draft)
    save_text(onnx_card(plan, tuned.task, result), draft / "README.md")
    progress.step("answering the sealed rows with it")
    test = data.open_test_rows(folder.path, "score the ONNX model, and compare its answers with the run's")
    found = load_onnx(draft, tuned)(test)
    _refuse_other_answers(folder, tuned, found)
    score = tuned.task.metrics[plan.metric](test.answers, found.answers, plan.classes)
    return Exported(folder=str(draft), rows=len(test), score=score, run_score=result.fine_tuned.score)


def _refuse_other_answers(folder: RunFolder, tuned: "FineTuned", found: "Predictions") -> None:
    """Compare with what the run answered, row by row.

    Raises:
        RunFailed: An answer differs.
    """
    _, answered = load_predictions(folder.path / "predictions" / "fine_tuned.parquet", [])
    ours = dict(zip(answered.row_ids, answered.answers, strict=True))
    unit = getattr(tuned.model.config, "deviation", 1.0)
    other = [
        row
        for row, answer in zip(found.row_ids, found.answers, strict=True)
        if row not in ours or not _alike(ours[row], answer, CLOSE * unit)
    ]
    if other:
        raise RunFailed(
            f"The ONNX model answers {len(other)} of {len(found.row_ids)} sealed rows otherwise than the run did, "
            f"the first of them row {other[0]}; it was removed.",
            "Use model/ with transformers instead, and please report it with the versions that `advisor doctor` prints.",
        )


def _alike(one: object, other: object, apart: float) -> bool:
    return abs(one - other) <= apart if isinstance(one, float) and isinstance(other, float) else one == other
