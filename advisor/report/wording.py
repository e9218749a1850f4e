"""Numbers and names as a person reads them; the same in the terminal and on the page."""

from typing import Literal

from advisor.records import Decision
from advisor.rulebook import load_ways, say_way
from pipeline.records import Interval, MetricFacts

Tone = Literal["good", "wait", "bad"]

VERDICTS: dict[str, tuple[str, Tone]] = {
    "go": ("Go", "good"),
    "not_yet": ("Not yet", "wait"),
    "no_go": ("No-go", "bad"),
}
RESULTS: dict[str, tuple[str, Tone]] = {
    "improved": ("Improved", "good"),
    "not_improved": ("Not improved", "bad"),
    "insufficient_evidence": ("Not enough evidence", "wait"),
}
GRADES: dict[str, tuple[str, Tone, str]] = {
    "invalidates": ("Invalidates", "bad", "would invalidate any result"),
    "warning": ("Warning", "wait", "to look at first"),
    "note": ("Note", "good", "to know"),
}
"""How grave a finding is: a word, its tone, and what so many of them are called."""
INTERVAL_EXPLAINED = (
    "An interval says how far a score could move by chance: had other rows of the same kind been drawn, the true score "
    "would lie inside it 95 times in 100. Ways whose intervals overlap widely may be equally good."
)
SEALED_EXPLAINED = (
    "Sealed rows were set aside at the start and opened once, after training: no choice was made on them."
)


ABBREVIATIONS = {
    "f1": "F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "mcc": "Matthews correlation",
}


def say_verdict(verdict: str) -> str:
    """The verdict of a decision or a result, for people."""
    known = {**VERDICTS, **RESULTS}
    return known[verdict][0] if verdict in known else say_name(verdict)


def say_headline(decision: Decision) -> str:
    """What to do, in one sentence."""
    if decision.verdict == "go":
        model = f" {decision.recommendation.model}" if decision.recommendation.model else ""
        return f"Fine-tune{model}."
    if decision.verdict == "not_yet":
        return "Something that can be changed stands in the way of fine-tuning."
    if decision.alternative is None:
        return "Fine-tuning is not worth it here."
    best = decision.alternative
    scored = "" if best.score is None else f", which scores {say_score(best.score)}"
    return f"Use the best cheap way instead: {say_way(best.name)}{scored}."


def say_name(key: str) -> str:
    """A key such as `macro_f1` or `task_similarity` in words."""
    return " ".join(ABBREVIATIONS.get(word, word) for word in key.replace("_", " ").split(" "))


def say_title(key: str) -> str:
    """A key in words, as a title."""
    name = say_name(key)
    return name[:1].upper() + name[1:]


def explain_rival(name: str) -> str:
    """How a way comes to its answers; empty for one that is not known here."""
    ways = load_ways()
    return ways[name].how if name in ways else ""


def say_score(value: float) -> str:
    """A score: three decimals, or fewer where it is large."""
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def say_range(low: float, high: float) -> str:
    """The two ends of an interval of scores."""
    return f"{say_score(low)} to {say_score(high)}"


def say_improvement(gain: float, metric: MetricFacts) -> str:
    """An improvement with its sign, in points of a hundred or in the unit of the data."""
    from pipeline.evaluation.comparison import say_gain  # loads scipy

    return say_gain(gain, metric)


def say_improvement_range(low: float, high: float, metric: MetricFacts) -> str:
    """The two ends of an interval of improvements."""
    from pipeline.evaluation.comparison import say_gain  # loads scipy

    return f"{say_gain(low, metric, unit=False)} to {say_gain(high, metric, unit=False)}"


def say_metric(metric: MetricFacts) -> str:
    """A score's name at the start of a line, with its direction where less is more."""
    return say_title(metric.title) + ("" if metric.higher_is_better else " (less is better)")


def say_trend(gain: Interval) -> str:
    """Whether what the last rows brought is more than chance."""
    if gain.low > 0:
        return "It is still rising."
    return "It has levelled off or fallen." if gain.high <= 0 else "Whether it still rises these rows cannot tell."


def say_probability(share: float) -> str:
    """A probability; one that is nearly certain is not rounded to certainty."""
    if 0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def say_share(fraction: float) -> str:
    """A part of a whole."""
    if 0 < fraction < 0.001:
        return "under 0.1 %"
    return f"{100 * fraction:.1f} %" if fraction < 0.1 else f"{100 * fraction:.0f} %"


def say_p(p: float) -> str:
    """The p value of a test."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def say_seconds(seconds: float) -> str:
    """A span of time, in the two largest units that matter."""
    if seconds < 0.95:
        return f"{1000 * seconds:.0f} ms" if seconds < 0.0995 else f"{seconds:.1f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def say_energy(joules: float) -> str:
    """An amount of energy in watt hours."""
    hours = joules / 3600
    return f"{hours:.1f} Wh" if hours < 99.95 else f"{hours / 1000:.2f} kWh"


def say_bytes(size: float) -> str:
    """An amount of memory or disk, in powers of ten."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}"
        size /= 1000
    for unit in ("GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"


def say_count(number: float) -> str:
    """A number of things."""
    return f"{number:,.0f}"


def say_many(number: int, thing: str) -> str:
    """A number of things with their name."""
    return f"{say_count(number)} {thing}" if number == 1 else f"{say_count(number)} {thing}s"


def say_amount(number: float) -> str:
    """A large amount, such as parameters."""
    for unit, size in (("billion", 1e9), ("million", 1e6), ("thousand", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f}"
