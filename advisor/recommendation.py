"""Which models to look at, and which of them to fine-tune, with reasons. Pure but for looking whether a model is on disk."""

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import AnswersError
from advisor.factors import speaks
from advisor.licences import forbidden_model
from advisor.records import UNKNOWN, Answers, Candidate, ModelMeasurement, RankedModel, Recommendation
from advisor.rule_records import ModelEntry, Rules
from pipeline.extras import INSTALL_DEMO
from pipeline.models import locate, weight_bytes
from pipeline.records import ModelSource

MOST_MEASURED = 4
ARITHMETIC_SHARE = 0.45
"""Share of a large product's rate that training steps reach (measured: 42 to 77 %)."""
WEIGHTS = {"performance": 0.5, "size": 0.2, "pre-training data": 0.2, "community and documentation": 0.1}


@dataclass(frozen=True)
class Circumstances:
    """What a model has to fit: the language, the budget and the machine.

    Attributes:
        train_tokens: Tokens that a whole run reads forwards and backwards.
        max_latency_ms: Milliseconds that one answer may take; None without a limit.
        higher_is_better: Direction of the score that the models are measured by.
    """

    language: str
    domain: str
    budget_seconds: float
    flops_per_second: float
    train_tokens: float
    max_latency_ms: float | None = None
    higher_is_better: bool = True


def shortlist(answers: Answers, rules: Rules, folder: Path) -> list[Candidate]:
    """The models that fit the user's limits: those named in the answers, else the whole catalogue.

    Models whose licence forbids the stated use are left out; where no other is left they stay, for a verdict that says so.

    Raises:
        AnswersError: A name is neither in the catalogue nor a folder with a model, or no model fits the limits.
    """
    catalogue, reads = rules.models, rules.tasks[answers.settled_task].reads
    named = [_named(name, catalogue, folder) for name in answers.models.candidates]
    found = named or [
        Candidate(name=entry.name, source=entry.source(), at_hand=is_at_hand(entry.source(), folder))
        for entry in catalogue.values()
        if entry.kind in reads
    ]
    found = [each for each in found if forbidden_model(each.name, catalogue, answers) is None] or found
    limit = answers.deployment.max_model_mb
    if limit is not None:
        found = [candidate for candidate in found if _megabytes(candidate, catalogue, folder) <= limit]
    if not found:
        raise AnswersError(
            "No model fits your limit on size.",
            "Allow more in [deployment], or name a folder in models.candidates.",
        )
    return found


def at_hand(candidates: list[Candidate], catalogue: dict[str, ModelEntry], language: str) -> list[Candidate]:
    """The models that can be measured now, those of the right language and of a small size first.

    Raises:
        AnswersError: None is on this machine.
    """
    found = [candidate for candidate in candidates if candidate.at_hand]
    if not found:
        names = ", ".join(candidate.name for candidate in candidates[:3])
        raise AnswersError(
            f"None of the models that fit is on this machine ({names}, …).",
            f"Install the embedded one with `{INSTALL_DEMO}`, or get one with `advisor models --fetch NAME`.",
        )

    def order(candidate: Candidate) -> tuple[bool, int]:
        entry = catalogue.get(candidate.name)
        return (entry is not None and not speaks(entry, language), entry.parameters.value if entry else 0)

    return sorted(found, key=order)[:MOST_MEASURED]


def _named(name: str, catalogue: dict[str, ModelEntry], folder: Path) -> Candidate:
    if name in catalogue:
        source = catalogue[name].source()
        return Candidate(name=name, source=source, at_hand=is_at_hand(source, folder))
    path = (folder / Path(name).expanduser()).resolve()
    if (path / "config.json").is_file():
        source = ModelSource(name=path.name, kind="folder", location=name, max_tokens=_token_limit(path))
        return Candidate(name=path.name, source=source, at_hand=True)
    import difflib

    near = difflib.get_close_matches(name, list(catalogue), n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise AnswersError(
        f"There is no model '{name}' in the catalogue, and no folder of that name with a config.json.",
        f"{hint}`advisor models` lists the catalogue.",
    )


def _token_limit(path: Path) -> int:
    """Tokens that a model in a folder can read, as its files say."""
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    positions = int(config.get("max_position_embeddings") or 512)
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
        positions -= 2  # these count positions from the padding token's number on
    tokenizer = path / "tokenizer_config.json"
    limit = json.loads(tokenizer.read_text(encoding="utf-8")).get("model_max_length") if tokenizer.is_file() else None
    return min(positions, int(limit)) if limit else positions


def is_at_hand(source: ModelSource, folder: Path) -> bool:
    """Whether a model is on this machine now."""
    if source.kind == "package" and importlib.util.find_spec(source.location.partition(":")[0]) is None:
        return False
    return locate(source, folder) is not None


def _megabytes(candidate: Candidate, catalogue: dict[str, ModelEntry], folder: Path) -> float:
    """Size of the weights: on disk, or of a model that is not at hand in single precision."""
    path = locate(candidate.source, folder)
    return weight_bytes(path) / 1e6 if path is not None else 4 * catalogue[candidate.name].parameters.value / 1e6


def recommend(
    measured: list[ModelMeasurement],
    present: list[Candidate],
    candidates: list[Candidate],
    catalogue: dict[str, ModelEntry],
    around: Circumstances,
) -> Recommendation:
    """Rank all candidates; the winner is the best of the measured ones, since plan and verdict rest on measurements.

    One that answers too slowly wins only when all do, which is a veto then. Where the rows allowed no measurement, the
    best by facts of those at hand takes its place, and that is said.
    """
    limit = around.max_latency_ms
    quick = {each.model for each in measured if limit is None or each.latency_ms <= limit}
    probes = [measurement.probe for measurement in measured]
    ranked: list[RankedModel] = []
    for measurement in measured:
        entry = catalogue.get(measurement.model)
        parts = _facts(entry, measurement.parameters, around)
        parts["performance"] = _relative(measurement.probe, probes, around.higher_is_better)
        note = f"probe {measurement.probe:.3f}, LogME {measurement.log_evidence:.3f}, {measurement.latency_ms:.0f} ms a text"
        note += "" if measurement.model in quick else ", longer than you allow"
        found = _ranked(measurement.model, parts, note, entry, measured=True)
        ranked.append(found.model_copy(update={"parameters": measurement.parameters}))
    names = {measurement.model for measurement in measured}
    for candidate in candidates:
        entry = catalogue.get(candidate.name)
        if candidate.name in names or entry is None:
            continue
        parts = _facts(entry, entry.parameters.value, around)
        parts["performance"] = _published(entry, catalogue)
        ranked.append(_ranked(entry.name, parts, "not measured here", entry, measured=False))
    ranked.sort(key=lambda model: -model.score)
    eligible = quick or names or {candidate.name for candidate in present}
    winner = next((model for model in ranked if model.model in eligible), None)
    name = winner.model if winner else present[0].name
    only = " that answer quickly enough" if 0 < len(quick) < len(measured) else ""
    how = (
        f"Of the {len(quick) if only else len(measured)} measured here{only} it comes out best"
        if measured
        else "The rows allow no measurement; by facts it fits best of those at hand"
    )
    return Recommendation(
        model=name,
        because=f"{how}: {winner.because if winner else 'nothing is known of it.'}",
        runner_up=next((model.model for model in ranked if model.model != name), None),
        ranking=ranked,
    )


def _relative(probe: float, probes: Sequence[float], higher_is_better: bool) -> float:
    """A probe's score as a share of the best one, or the least error as a share of it; at least 0."""
    if higher_is_better:
        return max(probe, 0.0) / max(*probes, 1e-9)
    return min(probes) / probe if probe > 0 else 1.0


def _facts(entry: ModelEntry | None, parameters: int, around: Circumstances) -> dict[str, float]:
    """Shares between 0 and 1 for size, pre-training data, and community; the middle where nothing is known."""
    seconds = 6 * parameters * around.train_tokens / max(ARITHMETIC_SHARE * around.flops_per_second, 1.0)
    size = min(max(1.25 - seconds / max(around.budget_seconds, 1.0), 0.0), 1.0)
    if entry is None:
        return {"size": size, "pre-training data": 0.5, "community and documentation": 0.5}
    fits = (
        1.0
        if around.language in entry.languages or around.language == UNKNOWN
        else 0.6
        if speaks(entry, around.language)
        else 0.0
    )
    near = 1.0 if around.domain in entry.domains else 0.8 if "general" in entry.domains else 0.4
    return {
        "size": size,
        "pre-training data": fits * near,
        "community and documentation": entry.community.documents / 4,
    }


def _published(entry: ModelEntry, catalogue: dict[str, ModelEntry]) -> float:
    """Where its published results lie among those of other models on the same data; the middle when there are none.

    Scores on different data say nothing of each other, so each is only placed between the worst and the best on its own.
    """
    places = []
    for result in entry.results:
        same = [
            other.value
            for model in catalogue.values()
            for other in model.results
            if (other.task, other.data, other.metric) == (result.task, result.data, result.metric)
        ]
        if len(same) > 2 and max(same) > min(same):
            places.append((result.value - min(same)) / (max(same) - min(same)))
    return sum(places) / len(places) if places else 0.5


def _ranked(name: str, parts: dict[str, float], note: str, entry: ModelEntry | None, *, measured: bool) -> RankedModel:
    score = sum(WEIGHTS[part] * value for part, value in parts.items())
    strong = [part for part, value in parts.items() if value >= 0.9 and part != "performance"]
    weak = [part for part, value in parts.items() if value < 0.4]
    why = f"{entry.why} " if entry is not None else ""
    sides = (f"Strong in {', '.join(strong)}. " if strong else "") + (f"Weak in {', '.join(weak)}. " if weak else "")
    return RankedModel(
        model=name,
        measured=measured,
        parameters=entry.parameters.value if entry is not None else None,
        score=round(score, 4),
        because=f"{note[0].upper()}{note[1:]}. {why}{sides}".strip(),
    )
