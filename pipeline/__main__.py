"""`python -m pipeline RUN/plan.json [--data FILE …] [--ablate]`: carry out a plan on any machine or under a launcher.

Exit codes: 0 done or already finished, 1 a mistake to fix, 2 usage, 5 the run failed and its checkpoints are kept, 130 Ctrl-C.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from pipeline.errors import PipelineError, PlanError, RunFailed, StorageError
from pipeline.memory import KEPT_IN_TRAINING, keep_memory_flat

EXIT_MISTAKE, EXIT_FAILED, EXIT_INTERRUPTED = 1, 5, 130


def main(arguments: list[str] | None = None) -> int:
    """Carry out the plan that the command line names; returns the exit code."""
    started = time.time()
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="Carry out a plan.")
    parser.add_argument("plan", type=Path, help="plan.json of a run folder")
    parser.add_argument("--data", nargs="+", help="the training data, when it is not where the plan says")
    parser.add_argument("--ablate", action="store_true", help="carry out ablation/request.json beside the plan instead")
    given = parser.parse_args(arguments)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    keep_memory_flat(KEPT_IN_TRAINING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if given.ablate:
            _ablate(given.plan.parent, started)
        else:
            _carry_out(given.plan, given.data, started)
    except KeyboardInterrupt:
        _say("Stopped. What was trained so far is kept; the same command goes on.")
        return EXIT_INTERRUPTED
    except (RunFailed, StorageError) as error:
        _say(str(error))
        return EXIT_FAILED
    except OSError as error:
        where = error.filename or given.plan.parent
        _say(f"'{where}' cannot be written or read: {error.strerror or error}.")
        _say(
            "Free some space or mend that place, then run the same command again: it goes on from the last checkpoint."
        )
        return EXIT_FAILED
    except PipelineError as error:
        _say(str(error))
        return EXIT_MISTAKE
    return 0


def _carry_out(plan_file: Path, data_file: list[str] | None, started: float) -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise PlanError(
            f"This plan was started in {os.environ['WORLD_SIZE']} processes at once.",
            "Start it in one: it uses all cores, or one accelerator, by itself.",
        )
    if (plan_file.parent / "result.json").is_file():
        _say(f"This run is finished; its result is in '{plan_file.parent / 'result.json'}'.")
        return
    from pipeline.run import load_plan

    plan = load_plan(plan_file)
    from pipeline.run import run
    from pipeline.training.journal import Journal
    from pipeline.training.progress import Display

    journal = Journal(plan_file.parent / "log.jsonl", started)
    with Display(plan.forecast) as display:
        journal.listeners.append(display)
        try:
            result = run(plan, plan_file.parent.resolve(), journal, data_file)
        except KeyboardInterrupt:
            journal.write("interrupted")
            raise
        except (RunFailed, StorageError) as error:
            journal.write("failed", problem=error.problem)
            raise
    _say(f"{result.verdict.replace('_', ' ')}: {result.because}")


def _ablate(folder: Path, started: float) -> None:
    from pipeline.ablation import FOLDER, ablate
    from pipeline.training.journal import Journal
    from pipeline.training.progress import Display

    journal = Journal(folder / FOLDER / "log.jsonl", started)
    with Display() as display:
        journal.listeners.append(display)
        ablate(folder.resolve(), journal)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
