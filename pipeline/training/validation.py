"""The validation rows of a run: encoded once, scored as predictions are made later, and the judge of averaged weights."""

from collections.abc import Sequence
from typing import Any

from pipeline.evaluation.intervals import difference_standard_error
from pipeline.predictors.fine_tuned import FineTuned, padded_tokens
from pipeline.task import Array
from pipeline.training.averaging import BestWeights
from pipeline.training.callbacks import Report
from pipeline.training.job import TrainingJob


class Validation:
    """The rows that choose when to stop and which epoch to keep."""

    def __init__(self, job: TrainingJob, tuned: FineTuned) -> None:
        self.job, self.tuned = job, tuned
        self._features = tuned.encode(job.validation.inputs)

    @property
    def tokens(self) -> int:
        """Padded tokens that are read to score them once."""
        return padded_tokens([len(row["input_ids"]) for row in self._features])

    def with_thresholds(self) -> FineTuned:
        """The model as it is now, its thresholds chosen on these rows."""
        return self._thresholded(self.tuned.outputs_of(self._features))

    def statistics(self) -> Array:
        """What their score is made of, the thresholds chosen on themselves where the task has some."""
        rows, outputs = self.job.validation, self.tuned.outputs_of(self._features)
        answers = self._thresholded(outputs).decode(rows.ids, outputs).answers
        return self.job.metric.statistics(rows.answers, answers, self.job.classes)

    def average(self, averaging: BestWeights, history: Sequence[dict[str, Any]], report: Report) -> None:
        """Give the model the mean weights of the best epochs where they score better than the best one, noise apart."""
        job, model = self.job, self.tuned.model
        mean = averaging.average(history)
        if not mean:
            return
        alone = {name: part.clone() for name, part in model.state_dict().items()}
        before = self.statistics()
        model.load_state_dict(mean)
        after = self.statistics()
        one, other = job.metric.score(after), job.metric.score(before)
        noise = difference_standard_error(job.metric, after, before, job.seed)
        kept = job.metric.gain(one, other) > noise
        if not kept:
            model.load_state_dict(alone)
        report(
            "note",
            text=f"The averaged weights of the best epochs score {one:.3f} on the validation rows, the best epoch {other:.3f}, "
            f"with a standard error of {noise:.3f}: the {'average' if kept else 'best epoch'} is kept.",
        )

    def _thresholded(self, outputs: Sequence[Array]) -> FineTuned:
        return self.tuned.with_thresholds(self.job.validation, outputs, self.job.metric)
