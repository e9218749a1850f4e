"""What frozen layers compute, computed once: while the first layers do not learn, each row comes out of them the same.

The features of each row are kept at every depth that a later epoch starts from, and steps enter the model there. They are computed in
the same batches whenever training begins or goes on, so that a resumed run reads the same numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from transformers import TrainerCallback

from pipeline.training.batches import EncodedRows
from pipeline.training.callbacks import Report
from pipeline.training.freezing import GradualUnfreezing
from pipeline.training.job import TrainingJob
from pipeline.training.parameter_groups import layers_of

ALIKE = 1e-3
"""Largest difference, over the largest number, between what a model says when entered and when read from its first layer."""
CHECKED_ROWS = 4


class Unfit(Exception):
    """A model cannot be entered at a layer; says why."""


class FrozenFeatures(TrainerCallback):  # type: ignore[misc]
    """Fills itself before the first epoch of a session, and is told in each step which rows are read.

    Args:
        rows: That are trained on, and the model that reads them.
        freezing: Says which layers are frozen in which epoch.
        job: Says how many rows memory is sure to hold, and how much may be kept; where that is little, the greatest depths are.
        report: Told what is kept, or why nothing is.
        precision: Makes the context that steps compute in.
    """

    def __init__(
        self,
        rows: EncodedRows,
        freezing: GradualUnfreezing,
        job: TrainingJob,
        report: Report,
        precision: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.rows, self.freezing, self.report, self.precision = rows, freezing, report, precision
        self.batch_size = job.recipe.batch_size // job.recipe.accumulation_steps
        self.most_bytes = job.most_kept_bytes
        self.layers = layers_of(rows.tuned.model.encoder)
        self.features: dict[int, list[torch.Tensor]] = {}
        """By depth, those of each row. Shapes: (tokens, features)."""
        self.depth = 0
        """At which steps enter; 0 while they do not."""
        self._begun = False

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep what this epoch and later ones enter at; let go of the rest."""
        frozen = self.freezing.frozen_layers(int((state.epoch or 0) + 1e-6))
        if frozen and not self._begun:
            self._fill(int((state.epoch or 0) + 1e-6))
        self._begun = True
        self.depth = max((depth for depth in self.features if depth <= frozen), default=0)
        self.features = {depth: found for depth, found in self.features.items() if depth <= self.depth}

    def entered(self, rows: Sequence[int], mask: Any) -> AbstractContextManager[None]:
        """A context in which the model reads a batch of these rows from the depth on.

        Shapes: mask (batch, tokens).
        """
        return self._replayed(self.depth, rows, mask) if self.depth else nullcontext()

    def _fill(self, epoch: int) -> None:
        depths = self._affordable({self.freezing.frozen_layers(each) for each in range(epoch, self.freezing.epochs)})
        model, training = self.rows.tuned.model, self.rows.tuned.model.training
        try:
            self._check_constant(depths)
            model.eval()
            self._compute(depths)
            self._check_alike(max(depths))
        except Unfit as unfit:
            self.features = {}
            self.report("note", text=f"Frozen layers are computed in every step, since {unfit}.")
        else:
            size = sum(each.nbytes for found in self.features.values() for each in found)
            text = f"What frozen layers make of the rows is computed once and kept in memory: {size / 1e6:.0f} MB."
            self.report("note", text=text)
        finally:
            model.train(training)

    def _affordable(self, depths: set[int]) -> list[int]:
        """The greatest depths whose features fit in memory, the least first."""
        each = 4 * sum(self.rows.lengths) * self.rows.tuned.model.encoder.config.hidden_size
        return sorted(depths - {0})[-(self.most_bytes // each) :] if each <= self.most_bytes else []

    def _compute(self, depths: Sequence[int]) -> None:
        lengths = self.rows.lengths
        order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
        found = {depth: [torch.empty(0)] * len(lengths) for depth in depths}
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            batch = self._batch(rows)
            with torch.no_grad():
                seen = self._read(batch, depths)[1]
            for depth, output in seen.items():
                for row, features, mask in zip(rows, output, batch["attention_mask"].bool(), strict=True):
                    found[depth][row] = features[mask].clone()
        self.features = found

    def _batch(self, rows: Sequence[int]) -> Any:
        return self.rows.tuned.pad([self.rows.features[row] for row in rows])

    def _read(self, batch: Any, depths: Sequence[int]) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
        """Logits of a batch, and what comes out of some layers."""
        seen: dict[int, list[Any]] = {depth: [] for depth in depths}
        hooks = [
            self.layers[depth - 1].register_forward_hook(lambda *given, depth=depth: seen[depth].append(given[-1]))
            for depth in depths
        ]
        try:
            with self.precision():
                logits = self.rows.tuned.model(**batch).logits
        finally:
            for hook in hooks:
                hook.remove()
        shape = batch["attention_mask"].shape
        for outputs in seen.values():
            if len(outputs) != 1 or not isinstance(outputs[0], torch.Tensor) or outputs[0].shape[:2] != shape:
                raise Unfit("this kind of model passes more than features from layer to layer")
        return logits, {depth: outputs[0] for depth, outputs in seen.items()}

    def _check_constant(self, depths: Sequence[int]) -> None:
        """What steps would read at these depths is the same each time, and depends on nothing that learns."""
        if not depths:
            raise Unfit(f"what they make of the rows takes more than {self.most_bytes / 1e6:.0f} MB")
        batch = self._batch(range(min(CHECKED_ROWS, len(self.rows))))
        if "attention_mask" not in batch:
            raise Unfit("this kind of model is not told where a text ends")
        self.rows.tuned.model.train()
        self.freezing.quiet()
        with torch.random.fork_rng():
            once, again = (self._read(batch, depths)[1] for _ in range(2))
        for depth in depths:
            if once[depth].requires_grad or not torch.equal(once[depth], again[depth]):
                raise Unfit("something in front of them learns or leaves out at random")

    def _check_alike(self, depth: int) -> None:
        """A batch of unlike lengths, so that some are padded, is answered alike when entered."""
        lengths = self.rows.lengths
        order = sorted(range(len(lengths)), key=lambda row: lengths[row])
        rows = [*order[:CHECKED_ROWS], *order[-CHECKED_ROWS:]]
        batch = self._batch(rows)
        with torch.no_grad(), self.precision():
            expected = self.rows.tuned.model(**batch).logits.float()
            with self._replayed(depth, rows, batch["attention_mask"]):
                found = self.rows.tuned.model(**batch).logits.float()
        if float((found - expected).abs().max()) > ALIKE * float(expected.abs().max()):
            raise Unfit("this kind of model also reads what lies before the last of them")

    @contextmanager
    def _replayed(self, depth: int, rows: Sequence[int], mask: Any) -> Iterator[None]:
        """Let the first layers give back what is kept, without computing."""
        found = torch.cat([self.features[depth][row] for row in rows])
        batch = found.new_zeros(*mask.shape, found.shape[-1])
        batch[mask.bool()] = found
        for layer in self.layers[:depth]:
            layer.forward = lambda *_, **__: batch
        try:
            yield
        finally:
            for layer in self.layers[:depth]:
                del layer.forward
