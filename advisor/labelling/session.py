"""One sitting of labelling: what is known, which row is next, where each answer goes, and when it is enough."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from advisor.alternative import load_alternative
from advisor.errors import AnswersError, RunFolderError
from advisor.labelling.belief import Asked, believe, believe_probe, fine_tuned_of, know_nothing, mix
from advisor.labelling.labelled_file import LabelledFile, LogLine, now
from advisor.labelling.markup import say_spans
from advisor.labelling.pool import read_pool, truth_cells
from advisor.labelling.ranking import DRAWN, DRAWN_EVERY, Belief, Classes, Landscape, Pick, choose, standardise
from advisor.labelling.second_opinion import AGAIN, First, read_again
from advisor.labelling.target import Goal, Rise, Target, measure_rise, set_target
from advisor.measuring import Measuring, Progress
from advisor.records import Decision, Measurements
from advisor.rule_records import Rules
from advisor.run_folder import RunFolder
from pipeline.data.dataset import log_test_reading
from pipeline.errors import ModelError
from pipeline.predictors.probe import embed
from pipeline.preparation import as_one_text
from pipeline.records import DataSource
from pipeline.task import Answer, Array, RivalSetting, Rows

AHEAD = 20
"""Rows that are chosen at once; the order is made anew long before they are through."""
REMAKE_AFTER = 5
"""Answers after which the order is made anew, while the next row is being read."""
LIKELY = 0.5
CHECK_AFTER = 20
"""Answers after which it is checked, in the background, whether they still help."""


class Known:
    """What a run knows, and the pool that it ranks.

    Args:
        folder: A run that was assessed.
        rules: For the catalogue and the thresholds.
        progress: Told of every phase.
        source: Rows to label, or a file of answers whose rows are asked again.
        named: Its columns by role, where they are named differently from the training data.
        earlier: Answers of earlier sittings.

    Raises:
        RunFolderError: The run was not assessed to its end.
        AnswersError: Its answers cannot be asked in a terminal.
        DataError: No row of the file is left to ask.
    """

    def __init__(
        self,
        folder: RunFolder,
        rules: Rules,
        progress: Progress,
        source: DataSource | Path,
        named: Mapping[str, Any],
        earlier: LabelledFile,
    ) -> None:
        if not folder.has("decision.json"):
            raise RunFolderError(
                f"'{folder.path}' has no verdict yet.", f"Go on with it first: `advisor assess {folder.path}`."
            )
        self.folder, self.progress = folder, progress
        self.decision = folder.load("decision", Decision)
        self.measurements = folder.load("measurements", Measurements)
        self.measuring = Measuring(folder, rules, progress)
        self.task, self.metric = self.measuring.task, self.measuring.metric
        self.columns = dict(self.measuring.answers.data.columns)
        self.asked: Asked = rules.tasks[self.task.key].answered_by
        if self.asked == "spans" and self.task.options.get("tags") == "words":
            raise AnswersError(
                "A tag for every word cannot be asked in a terminal.",
                "Take the rows that help most into a labelling tool: `advisor label RUN --data FILE --json --most 100`.",
            )
        self.target: Target = set_target(self.decision, self.measurements, rules.decision)
        data = self.measuring.data
        self.train = data.on("train", "validation")
        progress.step("reading the rows to label")
        labelled = {line.text_hash for line in earlier.standing()}
        self.first: First | None = None
        if isinstance(source, Path):
            self.pool, self.first = read_again(source, self.task, self.columns, labelled)
            return
        self.pool = read_pool(source, self.task, self.columns, named, data, labelled, self.measuring.answers.seed)
        purpose = f"compare texts with {source.name}, to leave out what is nearly a sealed row"
        log_test_reading(folder.path, purpose, self.pool.sealed_compared)

    @cached_property
    def setting(self) -> RivalSetting:
        """What a probe may use: features of the recommended model."""
        name = self.decision.recommendation.model
        candidate = next((each for each in self.measuring.candidates if each.name == name), None)
        if candidate is None or not candidate.at_hand:
            raise ModelError(
                f"The model '{name}' that this run read its rows with is not on this machine.",
                "Install or download it, or assess again with another one.",
            )
        measured = next((each for each in self.measurements.models if each.model == name), None)
        return self.measuring.setting(candidate, measured.pooling if measured else candidate.source.pooling)

    def classes_with(self, rows: Rows) -> list[str]:
        """The classes, those of new answers among them."""
        together = _joined(self.measuring.data.unsealed(), rows)
        return self.task.classes(together)

    @cached_property
    def land(self) -> Landscape:
        """Where the rows of the pool lie."""
        self.progress.step("reading the rows with the model")
        return Landscape.of(standardise(self._features(self.pool.rows), self._centre))

    @cached_property
    def known_features(self) -> Array:
        """Where the labelled rows of the run lie."""
        return standardise(self._features(self.train), self._centre)

    @cached_property
    def _centre(self) -> Array:
        return np.asarray(self._features(self.pool.rows).mean(axis=0))

    def _features(self, rows: Rows) -> Array:
        inputs = [as_one_text(given) for given in rows.inputs] if self.asked == "spans" else rows.inputs
        return embed(self.setting.embedder, inputs, self.setting.pooling)

    @cached_property
    def first_belief(self) -> Belief:
        """What the fine-tuned model says, else the best cheap way, else, where that tells nothing apart, a probe."""
        self.progress.step("answering the rows, to see where it is unsure")
        predict = fine_tuned_of(self.folder) or load_alternative(self.folder.path, self.setting.embedder)[1]
        classes = self.classes_with(self.train.take([]))
        found = believe(self.asked, self.task, predict(self.pool.rows), classes, self.target.rows_per_class)
        return found if found is not None else self.probe_belief(self.train, [])

    def probe_belief(self, known: Rows, free: Sequence[int]) -> Belief:
        """What a probe on these rows says of the pool."""
        del free
        setting = replace(self.setting, classes=self.task.classes(known))
        return believe_probe(self.asked, self.task, setting, known, self.pool.rows, self.measuring.answers.seed)


class Sitting:
    """Rows in their order, and what was said of them.

    Args:
        known: The run and the pool.
        file: Where answers go.
        earlier: Rows that were answered for training in earlier sittings, read back from the file.
        annotator: Who answers; None when nobody said.
    """

    def __init__(self, known: Known, file: LabelledFile, earlier: Rows, annotator: str | None) -> None:
        self.known, self.file, self.annotator = known, file, annotator
        self.earlier = earlier
        self.answers: dict[int, Answer] = {}
        self.drawn: set[int] = set()
        self.passed: list[int] = []
        """Places that were answered or skipped, in their order, so that a person can go back."""
        self.rise: Rise | None = None
        self._queue: list[Pick] = []
        self._again: list[Pick] = []
        self._picks: dict[int, Pick] = {}
        self._worker = ThreadPoolExecutor(max_workers=1)
        self._order: Future[tuple[Belief, list[Pick]]] | None = None
        self._check: Future[Rise | None] | None = None
        self._since_order = self._since_check = 0
        generator = np.random.default_rng(known.measuring.answers.seed + len(file.lines))
        self._random = generator.permutation(len(known.pool.rows)).tolist() if known.target.wants_sealed else []
        if known.first is not None:
            order = generator.permutation(len(known.pool.rows)).tolist()
            self.belief = know_nothing(len(known.pool.rows))
            self._queue = [Pick(place, AGAIN) for place in order]
            return
        self.belief = known.first_belief
        if len(earlier):
            self.belief = mix(self.belief, known.probe_belief(_joined(known.train, earlier), []))
        self._queue = self._chosen(self.belief)

    def next(self) -> Pick | None:
        """The row to ask; None when the pool is through. Takes the new order when it is ready, and never waits for it."""
        self._take_new_order()
        if self._again:
            return self._again[-1]
        done = self._done()
        drawn = next((place for place in self._random if place not in done), None)
        if drawn is not None and len(self.answers) % DRAWN_EVERY == DRAWN_EVERY - 1:
            return Pick(drawn, DRAWN, drawn=True)
        while self._queue and self._queue[0].place in done:
            self._queue.pop(0)
        if not self._queue and self.known.first is None:
            self._queue = self._chosen(self.belief)
        return self._queue[0] if self._queue else None

    def answer(self, pick: Pick, answer: Answer) -> None:
        """Keep an answer; it is on the disk when this returns."""
        pool = self.known.pool
        cells = pool.cells[pick.place]
        truth = truth_cells(self.known.task, self.known.columns, cells, pool.rows.take([pick.place]), answer)
        self.file.keep(self._line(pick, "answered", truth), {**cells, **truth})
        self._pass(pick)
        self.answers[pick.place] = answer
        if pick.drawn:
            self.drawn.add(pick.place)
        self._since_order += 1
        self._since_check += 1
        if self.known.first is None:
            self._start_work()

    def skip(self, pick: Pick) -> None:
        """Leave a row unanswered; it is not asked again."""
        self.file.note(self._line(pick, "skipped", {}))
        self._pass(pick)

    def back(self) -> str:
        """Ask the row before again; its answer, if it had one, is taken back. Returns what was taken back."""
        if not self.passed:
            return ""
        place = self.passed.pop()
        self._again.append(self._picks[place])
        if place not in self.answers:
            self.file.note(self._line(self._picks[place], "taken_back", {}))
            return "not skipped any more"
        line = self.file.take_back()
        said = self.say(self.answers.pop(place), place)
        self.drawn.discard(place)
        return f"taken back: {said}" if line is not None else ""

    def undo(self) -> str:
        """Take the last answer back and ask its row again, past rows that were skipped since."""
        said = ""
        while self.passed and not said.startswith("taken back"):
            said = self.back()
        return said

    def say(self, answer: Answer, place: int) -> str:
        """An answer in one line."""
        return say_answer(self.known, answer, place)

    def new_rows(self) -> Rows:
        """All rows that were answered for training, of earlier sittings too."""
        places = [place for place in self.answers if place not in self.drawn]
        rows = self.known.pool.rows.take(places)
        now_answered = Rows(rows.ids, rows.inputs, tuple(self.answers[place] for place in places))
        return _joined(self.earlier, now_answered)

    def added(self) -> Counter[str]:
        """New rows of each class."""
        return Counter(kind for answer in self.new_rows().answers for kind in self.known.task.kinds(answer))

    def goals(self) -> list[Goal]:
        """What is there of what the verdict wants."""
        return self.known.target.goals(len(self.new_rows()), self.added())

    def classes(self) -> list[str]:
        """All classes that an answer can have, those said in this sitting among them."""
        return self.known.classes_with(self.new_rows())

    def finish(self) -> Rise | None:
        """End the work in the background, and check once more whether the new rows help."""
        if self._check is not None:
            self._check.cancel()  # it is made anew below, with all rows
            self._check = None
        self._worker.shutdown(wait=True)
        self.rise = self._measure(self.new_rows())
        return self.rise

    def abandon(self) -> None:
        """End without waiting."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _done(self) -> set[int]:
        return {*self.passed}

    def _pass(self, pick: Pick) -> None:
        self._picks[pick.place] = pick
        self.passed.append(pick.place)
        if self._again and self._again[-1].place == pick.place:
            self._again.pop()

    def _line(self, pick: Pick, act: Any, truth: Mapping[str, Any]) -> LogLine:
        pool = self.known.pool
        return LogLine(
            when=now(),
            act=act,
            text_hash=pool.hashes[pick.place],
            file=pool.file,
            row=pool.rows.ids[pick.place],
            side="test" if pick.drawn else "train",
            reason=pick.because,
            suggested=self.suggestion(pick.place),
            probability=self.probability(pick.place),
            annotator=self.annotator,
            cells=dict(truth),
        )

    def suggestion(self, place: int) -> str | None:
        """What is held for likeliest, in words; None where nothing is to be suggested."""
        suggested = self.belief.suggested[place]
        return None if suggested is None else self.say(suggested, place)  # type: ignore[arg-type]

    def probability(self, place: int) -> float | None:
        """Of the suggested label; None where there are no probabilities."""
        scores = self.belief.scores
        if scores is None or not isinstance(self.belief.suggested[place], str):
            return None
        return round(float(scores[place].max()), 4)

    def choose(self, most: int) -> list[Pick]:
        """So many rows, best first, and every fifth drawn at random while sealed rows are wanted."""
        return self._chosen(self.belief, most, self._random)

    def chances(self, place: int) -> list[tuple[str, float | None]]:
        """All labels with their probabilities for a row, likeliest first; those of which nothing is known last."""
        scores, classes = self.belief.scores, list(self.belief.classes)
        known = dict(zip(classes, scores[place].tolist(), strict=True)) if scores is not None else {}
        labels = sorted(self.classes(), key=lambda label: -known.get(label, -1.0))
        return [(label, known.get(label)) for label in labels]

    def suggested_labels(self, place: int) -> list[str]:
        """Labels that are ticked to begin with: those suggested that are likelier than not, since a wrong tick costs a key."""
        chances = dict(self.chances(place))
        suggested = self.belief.suggested[place]
        labels = suggested if isinstance(suggested, tuple) else ()
        return [label for label in labels if (chances.get(label) or 0.0) >= LIKELY]

    def _chosen(self, belief: Belief, most: int = AHEAD, drawn: Sequence[int] = ()) -> list[Pick]:
        done = self._done()
        rows = self.known.pool.rows
        free = [place for place in range(len(rows)) if place not in done]
        features = np.concatenate([self.known.known_features, self.known.land.features[sorted(self.answers)]])
        counts = Classes(self.known.target.counts(self.added()), self.known.target.fewest_per_class)
        return choose(self.known.land, features, belief, counts, free, most, drawn)

    def _start_work(self) -> None:
        if self._since_order >= REMAKE_AFTER and self._order is None:
            self._since_order = 0
            known = _joined(self.known.train, self.new_rows())
            self._order = self._worker.submit(self._make_order, known)
        if self._since_check >= CHECK_AFTER and self._check is None:
            self._since_check = 0
            self._check = self._worker.submit(self._measure, self.new_rows())

    def _make_order(self, known: Rows) -> tuple[Belief, list[Pick]]:
        belief = mix(self.known.first_belief, self.known.probe_belief(known, []))
        return belief, self._chosen(belief)

    def _measure(self, new: Rows) -> Rise | None:
        bench, setting = self.known.measuring.bench, self.known.setting
        if bench is None:
            return None
        classes = self.known.classes_with(new)
        fit = self.known.task.fit_rival("probe", replace(setting, classes=classes))
        return measure_rise(bench, fit, classes, new)

    def _take_new_order(self) -> None:
        if self._order is not None and self._order.done():
            self.belief, self._queue = self._order.result()
            self._order = None
        if self._check is not None and self._check.done():
            self.rise = self._check.result()
            self._check = None


def say_answer(known: Known, answer: Answer, place: int) -> str:
    """An answer of a row in one line."""
    if isinstance(answer, float):
        return f"{answer:.3g}"
    if isinstance(answer, str):
        return answer
    if known.asked == "spans":
        return say_spans(list(known.pool.rows.inputs[place]), answer)
    return ", ".join(answer) or "no label"


def _joined(one: Rows, other: Rows) -> Rows:
    return Rows(one.ids + other.ids, one.inputs + other.inputs, one.answers + other.answers)
