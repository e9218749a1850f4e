"""What a fine-tuned model still says of texts, of other tasks and of words: gathers what `evaluation/forgetting.py` compares."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.data.reading import read
from pipeline.embeddings import Embedder
from pipeline.errors import DataError
from pipeline.evaluation.forgetting import measure_forgetting
from pipeline.evaluation.perplexity import measure_perplexity, say_perplexity
from pipeline.evaluation.probing import FEWEST_OF_A_KIND, Probing, ask_labels
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.preparation import as_one_text, prepare
from pipeline.records import OTHER_TASK, DataSource, Plan, TextPreparation
from pipeline.results import Forgetting
from pipeline.task import Input, load_task


def measure_retention(
    plan: Plan, folder: Path, embedder: Embedder, model: FineTuned, inputs: Sequence[Input]
) -> Forgetting | None:
    """What the tuned encoder lost, told from training texts and from labelled rows of other tasks.

    Args:
        plan: Names the other tasks, and holds the rule.
        folder: What paths are relative to.
        embedder: Reads with the pre-trained encoder.
        model: The fine-tuned one.
        inputs: Of the training rows.

    Returns:
        None where the rule or the texts do not allow it.
    """
    rule, encoder = plan.forgetting, model.model.encoder.eval()
    if rule is None:
        return None
    tuned = Embedder(embedder.path, plan.model, model.preparation, None, encoder, quick=embedder.quick)
    texts = _one_text_each(inputs, model.preparation)
    others, missing = read_other_tasks(plan.other_tasks, folder, model.preparation, rule.most_texts, plan.seed)
    found = measure_forgetting(
        texts,
        lambda some: embedder(some, plan.head_pooling),
        lambda some: tuned(some, plan.head_pooling),
        rule,
        plan.seed,
        others,
    )
    if found is None:
        return None
    found = found.model_copy(update={"left_out": found.left_out | missing})
    if not rule.perplexity:
        return found
    begun = time.perf_counter()
    general = [text for other in others for text in other.texts] or texts
    drawn = np.random.default_rng(plan.seed).permutation(len(general))[: rule.most_texts]
    some = [general[place] for place in drawn]
    measured = measure_perplexity(embedder.path, encoder, some, model.preparation.max_tokens, plan.seed)
    said = say_perplexity(measured, "texts of other tasks" if others else "training texts", rule.perplexity)
    return found.model_copy(
        update={
            "perplexity": None if isinstance(measured, str) else measured,
            "perplexity_because": said,
            "seconds": found.seconds + time.perf_counter() - begun,
        }
    )


def read_other_tasks(
    sources: Sequence[DataSource], folder: Path, preparation: TextPreparation, most: int, seed: int
) -> tuple[list[Probing], dict[str, str]]:
    """A sample of at most so many labelled rows of each other task.

    Returns:
        The tasks that can be told, and for each other one why not: a file need not have come along to another machine.
    """
    found: list[Probing] = []
    missing: dict[str, str] = {}
    for source in sources:
        name = f"labels of {source.name}"
        try:
            texts, labels = _read_one(source, folder, preparation)
        except DataError as error:
            missing[name] = error.problem.rstrip(".")
            continue
        asked = ask_labels(source.name, texts, labels, most, seed)
        if asked is None:
            missing[name] = f"fewer than two labels have {FEWEST_OF_A_KIND} texts"
        else:
            found.append(asked)
    return found, missing


def _read_one(source: DataSource, folder: Path, preparation: TextPreparation) -> tuple[list[str], list[str]]:
    task = load_task(OTHER_TASK, {}, source.columns)
    rows = task.rows(read(source.train, source, folder), source.columns, source.name, labelled=True)
    return _one_text_each(rows.inputs, preparation), [str(answer) for answer in rows.answers]


def _one_text_each(inputs: Sequence[Input], preparation: TextPreparation) -> list[str]:
    return [as_one_text(prepare(given, preparation)) for given in inputs]
