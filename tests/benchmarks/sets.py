"""Where the public data sets and models lie that benchmarks read: folders named by the environment, since none is part of the project."""

import os
import sys
from pathlib import Path


def named_folder(variable: str, holds: str) -> Path:
    """The folder that an environment variable names; ends the benchmark with the mend where none is named."""
    named = os.environ.get(variable)
    if not named or not Path(named).is_dir():
        sys.exit(f"Name the folder that holds {holds}: {variable}=FOLDER python …")
    return Path(named)


def data_folder() -> Path:
    """Data sets as `NAME/train.jsonl`, most with `NAME/test.jsonl` beside it."""
    return named_folder("BENCHMARK_DATA", "the data sets")


def model_folder() -> Path:
    """Models by their names on the hub, without the owner."""
    return named_folder("BENCHMARK_MODELS", "the models")
