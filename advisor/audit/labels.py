"""What is wrong with the answers: contradicted, missing, too few or too uneven."""

from collections import defaultdict

from advisor.audit.material import EXAMPLES, Found, Material
from pipeline.preparation import as_one_text


def find_conflicts(material: Material) -> list[Found]:
    """Rows whose very text also stands with another answer."""
    data = material.data
    by_text: dict[str, list[int]] = defaultdict(list)
    for position in material.conflicts:
        by_text[data.groups.text_hashes[position]].append(position)
    examples = []
    for positions in list(by_text.values())[:EXAMPLES]:
        said = " / ".join(dict.fromkeys(_shown(data.rows.answers[position]) for position in positions))
        examples.append(f"{material.example(positions[0])} ({said})")
    census = data.census
    if census.kept_rows < census.rows:  # the others were counted while reading
        return [Found("conflicting_labels", census.conflicting_rows, census.rows, examples)]
    return [Found("conflicting_labels", len(material.conflicts), _unsealed(material), examples)]


def find_gaps(material: Material) -> list[Found]:
    """Rows without a text, and rows without an answer."""
    data, task = material.data, material.task
    empty = [position for position, given in enumerate(data.rows.inputs) if task.is_empty(given)]
    places = [data.place(position) for position in empty if data.sides[position] != "test"]
    return [
        Found("empty", len(empty), len(data.rows), places[:EXAMPLES]),
        Found("unlabelled", data.unlabelled_rows, data.census.rows + data.unlabelled_rows),
    ]


def find_uneven_classes(material: Material) -> list[Found]:
    """Classes with few rows, one that outweighs the others, or one alone."""
    classes, numbers = material.classes, material.rules.audit.numbers
    if not classes:
        return []
    ordered = sorted(classes, key=lambda label: classes[label])
    smallest, largest = ordered[0], ordered[-1]
    rare = [label for label in ordered if classes[label] < numbers["rare_class_rows"].value]
    ratio = classes[largest] / max(classes[smallest], 1)
    uneven = len(classes) > 1 and ratio >= numbers["imbalance"].value
    values = {"smallest": smallest, "largest": largest, "ratio": f"{ratio:,.0f}", "most": f"{classes[largest]:,}"}
    shown = [f"{label}: {classes[label]:,}" for label in rare[:EXAMPLES]]
    few = {"limit": f"{numbers['rare_class_rows'].value:.0f}"}
    return [
        Found("rare_classes", len(rare), len(classes), shown, few),
        Found("imbalance", classes[smallest] if uneven else 0, sum(classes.values()), values=values),
        Found(
            "one_class", _unsealed(material) if len(classes) == 1 else 0, _unsealed(material), values={"label": largest}
        ),
    ]


def _unsealed(material: Material) -> int:
    return sum(side != "test" for side in material.data.sides)


def _shown(answer: object) -> str:
    return as_one_text(answer) if isinstance(answer, tuple) else str(answer)
