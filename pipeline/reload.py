"""Loads a saved model in a fresh process and compares its answers with those of the model that was trained.

A saved model that differs from the trained one is the most damaging fault that users of fine-tuning report.
`python -m pipeline.reload RUN` reads `RUN/cache/reload_inputs.json` and writes `RUN/cache/reload_outputs.npz`.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import PipelineError, RunFailed
from pipeline.predictors.fine_tuned import FineTuned, load_fine_tuned
from pipeline.records import ReloadCheck
from pipeline.task import Array, Rows


def check_reload(folder: Path, trained: FineTuned, rows: Rows) -> ReloadCheck:
    """Score the same rows in fixed batches with the trained model here, and with the saved one in a fresh process.

    Raises:
        RunFailed: The saved model could not be loaded, or answers otherwise.
    """
    cache = folder / "cache"
    cache.mkdir(exist_ok=True)
    (cache / "reload_inputs.json").write_text(json.dumps(list(rows.inputs)), encoding="utf-8")
    expected = trained.outputs(rows.inputs)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.reload", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RunFailed(
            f"The saved model could not be loaded again: {said.rstrip('.')}.",
            "The checkpoints are kept in work/; report this with that line.",
        )
    with np.load(cache / "reload_outputs.npz") as arrays:
        found = [arrays[str(row)] for row in range(len(rows))]
    unit = getattr(trained.model.config, "deviation", 1.0)
    check = ReloadCheck(
        rows=len(rows),
        labels_identical=_answer_alike(trained, rows, expected, found),
        largest_logit_difference=max(
            (float(np.abs(one - other).max(initial=0.0)) for one, other in zip(expected, found, strict=True)),
            default=0.0,
        )
        / unit,
    )
    if not check.passed:
        raise RunFailed(
            f"The saved model is not the trained one: outputs differ by {check.largest_logit_difference:.2g} "
            f"where {check.tolerance:.0e} is allowed.",
            "Do not use model/; the checkpoints are kept in work/. Please report it.",
        )
    return check


def _answer_alike(trained: FineTuned, rows: Rows, expected: Sequence[Array], found: Sequence[Array]) -> bool:
    """Whether all answers are the same; numbers are compared by the outputs themselves."""
    ours, theirs = (trained.decode(rows.ids, outputs).answers for outputs in (expected, found))
    return all(one == other or isinstance(one, float) for one, other in zip(ours, theirs, strict=True))


def main(folder: Path) -> None:
    """Load the saved model and write its outputs."""
    inputs = json.loads((folder / "cache" / "reload_inputs.json").read_text(encoding="utf-8"))
    outputs = load_fine_tuned(folder / "model").outputs(
        [tuple(given) if isinstance(given, list) else given for given in inputs]
    )
    arrays: dict[str, Any] = {str(row): output for row, output in enumerate(outputs)}
    np.savez(folder / "cache" / "reload_outputs.npz", **arrays)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except PipelineError as error:
        sys.exit(error.problem)
