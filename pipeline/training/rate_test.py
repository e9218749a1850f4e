"""A learning-rate range test: short sweeps over rising rates in a copy of the model, which leave no trace on the run.

Two sweeps read the rows in different orders. Where they disagree, or the loss does not fall or never rises again, the test
says so and the rate stays as the recipe has it; the second is not made where the first says nothing.

Source: rising rates, https://arxiv.org/abs/1506.01186; a tenth of the rate with the least loss, as fastai's `lr_find` suggests,
https://docs.fast.ai/callback.schedule.html
"""

import contextlib
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pipeline.embeddings import device
from pipeline.precision import mixed_precision
from pipeline.records import RateTest
from pipeline.storage import load_record, save_record
from pipeline.training.batches import ROW, EncodedRows, collator, count_targets
from pipeline.training.callbacks import Report
from pipeline.training.computing import in_single_precision
from pipeline.training.dropout import cheap_dropout
from pipeline.training.job import TrainingJob
from pipeline.training.parameter_groups import group_parameters
from pipeline.training.sampling import LikeLengths
from pipeline.training.strategies import prepare_strategies
from pipeline.training.vocabulary import learns_words, narrow_vocabulary

SWEEPS = 2
FEWEST_STEPS, MOST_STEPS = 20, 45
"""Of one sweep."""
SHARE_OF_RUN = 0.03
"""Steps of one sweep over those of the run, within these bounds; set by us."""
LOWEST, HIGHEST = 0.1, 100.0
"""Rates rise from and to the recipe's times these. Lower ones than the first would be a tenth of what no recipe is off by."""
BELOW_LEAST = 10.0
"""The chosen rate is the one with the least loss over this."""
MOST_DISAGREEMENT = 3.0
"""Factor between the rates that two sweeps choose, beyond which the test is noise; set by us."""
SURE = 2.0
"""Standard deviations of the losses around their smooth curve that the loss has to fall; set by us."""
BROKEN = 4.0
"""A sweep ends when its smooth loss is so many times the least; as in `lr_find`."""
SMOOTHING = 0.8
"""Share of the earlier losses in each smooth one; set by us."""
LARGEST_STEP = 1.0
"""Slopes are cut to this length, as `Trainer` does."""
KEPT = "rate_test.json"


def find_rate(job: TrainingJob, rows: EncodedRows, folder: Path, report: Report, *, mixed: bool) -> float:
    """The learning rate for a job: that of an earlier session, else of a range test, else the recipe's.

    Args:
        job: Model and recipe.
        rows: Its training rows.
        folder: Keeps what was found.
        report: Told of it.
        mixed: Whether products of matrices are computed in bfloat16, as the run computes them.
    """
    path = folder / KEPT
    if path.is_file():
        return load_record(RateTest, path).learning_rate
    default, steps = job.recipe.learning_rate, _steps(job)
    rates = [default * LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1)) for step in range(steps)]
    losses: list[list[float]] = []
    while len(losses) < SWEEPS:
        losses.append(sweep(job, rows, rates, job.seed + len(losses), mixed=mixed))
        rate, because = judge_sweeps(rates, losses, default)
        if rate == default:
            break  # one sweep that says nothing is enough, and no other is paid for
    found = RateTest(recipe_rate=default, learning_rate=rate, rates=rates, losses=losses, because=because)
    folder.mkdir(parents=True, exist_ok=True)
    save_record(found, path)
    report("rate_test", **found.model_dump(exclude={"schema_version"}))
    report("note", text=because)
    return rate


def _steps(job: TrainingJob) -> int:
    planned = job.recipe.epochs * -(-len(job.train) // job.recipe.batch_size)
    return int(np.clip(round(SHARE_OF_RUN * planned), FEWEST_STEPS, MOST_STEPS))


def sweep(
    job: TrainingJob, rows: EncodedRows, rates: Sequence[float], seed: int, *, mixed: bool = False
) -> list[float]:
    """The loss before each step of a copy of the model, one rate after the other, until it breaks."""
    with undisturbed():
        model = job.task.build_model(job.encoder, job.setting)
        torch.manual_seed(seed)
        recipe, collate = job.recipe, collator(replace(rows.tuned, model=model))
        if learns_words(recipe):
            narrow_vocabulary(model.encoder, {token for row in rows.features for token in row["input_ids"]})
        strategies = prepare_strategies(model, recipe, job.metric, Path(), job.seed)
        model.to(device()).train()
        loss_of = in_single_precision(
            job.task.loss(job.classes, job.train, recipe.class_weights, recipe.label_smoothing)
        )
        groups = group_parameters(strategies.stages, 1.0, recipe.layer_decay, recipe.weight_decay)
        shares = [group["lr"] for group in groups]
        optimizer = torch.optim.AdamW(groups, fused=True)
        losses: list[float] = []
        for rate, batch in zip(rates, _batches(rows.lengths, recipe.batch_size, seed), strict=False):
            part = len(batch) // recipe.accumulation_steps or 1
            parts = [collate([rows[row] for row in batch[at : at + part]]) for at in range(0, len(batch), part)]
            count = sum(count_targets(each["labels"]) for each in parts)
            total = 0.0
            for each in parts:
                labels, _ = each.pop("labels"), each.pop(ROW)
                kind = model.device.type
                with cheap_dropout(kind), mixed_precision(kind, used=mixed):
                    loss = loss_of(model(**each), labels.to(model.device), count)
                torch.autograd.backward(loss)
                total += float(loss.detach())
            losses.append(total)
            if not math.isfinite(total) or smooth(losses)[-1] > BROKEN * min(smooth(losses)):
                break
            torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_STEP)
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                group["lr"] = rate * share
            optimizer.step()
            optimizer.zero_grad()
        return [loss for loss in losses if math.isfinite(loss)]


def _batches(lengths: Sequence[int], batch_size: int, seed: int) -> Iterator[list[int]]:
    """Rows in batches of like length, over and over."""
    order = LikeLengths(lengths, batch_size, seed)
    for epoch in itertools.count():
        order.set_epoch(epoch)
        rows = list(order)
        yield from (rows[at : at + batch_size] for at in range(0, len(rows), batch_size))


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Leave every source of random numbers as it was."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        yield
    random.setstate(python)
    np.random.set_state(numpy)


def smooth(losses: Sequence[float]) -> list[float]:
    """Losses as a running mean in which earlier ones fade."""
    found, mean = [], 0.0
    for step, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        found.append(mean / (1 - SMOOTHING**step))
    return found


def judge_sweeps(rates: Sequence[float], losses: Sequence[Sequence[float]], default: float) -> tuple[float, str]:
    """The rate that the sweeps speak for, or the recipe's where they are noise; and why."""
    least = []
    for one in losses:
        curve = np.array(smooth(one))
        at = int(curve.argmin()) if len(one) else 0
        noise = (
            float(np.std(np.array(one[: at + 1]) - curve[: at + 1])) if len(one) else 0.0
        )  # what breaks later is none
        if len(one) < 3 or curve[0] - curve[at] <= SURE * noise:
            return _refused("the loss does not fall by more than its noise", default)
        if at == len(rates) - 1:
            return _refused("the loss was still falling at the highest rate", default)
        least.append(rates[at])
    apart = max(least) / min(least)
    if apart > MOST_DISAGREEMENT:
        return _refused(f"its sweeps disagree by a factor of {apart:.0f}", default)
    best = math.sqrt(max(least) * min(least))
    rate = best / BELOW_LEAST
    return rate, (
        f"A range test of {len(losses)} times {len(rates)} steps chose a learning rate of {rate:.1e} instead of {default:.1e}: "
        f"the loss was least at {best:.1e}, and a tenth of that is taken."
    )


def _refused(why: str, default: float) -> tuple[float, str]:
    return default, f"The range test says nothing, since {why}: the learning rate stays at {default:.1e}."
