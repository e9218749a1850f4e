"""Loads a saved model in a fresh process and compares its answers with those of the model that was trained.

A saved model that differs from the trained one is the most damaging fault that users of fine-tuning report.
`python -m pipeline.reload RUN` reads `RUN/cache/reload_inputs.json` and writes `RUN/cache/reload_logits.npy`.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from pipeline.errors import PipelineError, RunFailed
from pipeline.predictors.fine_tuned import FineTuned, load_fine_tuned
from pipeline.records import ReloadCheck
from pipeline.task import Rows


def check_reload(folder: Path, trained: FineTuned, rows: Rows) -> ReloadCheck:
    """Score the same rows in fixed batches with the trained model here, and with the saved one in a fresh process.

    Raises:
        RunFailed: The saved model could not be loaded, or answers otherwise.
    """
    cache = folder / "cache"
    cache.mkdir(exist_ok=True)
    (cache / "reload_inputs.json").write_text(json.dumps(list(rows.inputs)), encoding="utf-8")
    expected = trained.logits(rows.inputs)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.reload", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RunFailed(
            f"The saved model could not be loaded again: {said.rstrip('.')}.",
            "The checkpoints are kept in work/; report this with that line.",
        )
    found = np.load(cache / "reload_logits.npy")
    check = ReloadCheck(
        rows=len(rows),
        labels_identical=bool((expected.argmax(axis=1) == found.argmax(axis=1)).all()),
        largest_logit_difference=float(np.abs(expected - found).max(initial=0.0)),
    )
    if not check.passed:
        raise RunFailed(
            f"The saved model is not the trained one: logits differ by {check.largest_logit_difference:.2g} "
            f"where {check.tolerance:.0e} is allowed.",
            "Do not use model/; the checkpoints are kept in work/. Please report it.",
        )
    return check


def main(folder: Path) -> None:
    """Load the saved model and write its logits."""
    inputs = json.loads((folder / "cache" / "reload_inputs.json").read_text(encoding="utf-8"))
    logits = load_fine_tuned(folder / "model").logits(
        [tuple(given) if isinstance(given, list) else given for given in inputs]
    )
    np.save(folder / "cache" / "reload_logits.npy", logits)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except PipelineError as error:
        sys.exit(error.problem)
