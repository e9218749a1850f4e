"""The card of a fine-tuned model: what it is, how good, from which data, and how to use it."""

import json

from pipeline.records import DataSheet, Plan, Score, TextPreparation
from pipeline.results import Result
from pipeline.task import Task

THRESHOLDS = (
    "A label is answered from its own probability on; these thresholds, chosen on validation rows, stand in "
    "`finetune_advisor.json` in the order of the labels.\n\n"
)

_CARD = """---
base_model: {base}
library_name: transformers
license: {licence}
pipeline_tag: {tag}
---

# {name}

`{model}` fine-tuned for {task} by finetune-advisor.{classes}

## How good it is

On {test_rows} sealed test rows, {metric}:

| way | score | 95 % interval |
|---|---|---|
{scores}

Against the cheap way that was chosen (`{rival}`) it is better by {difference:+.3g}{reach}. {because}

## How to use it

```python
import transformers
import {module}  # from finetune-advisor: makes this head known to transformers

{usage}
```

{thresholds}Texts were prepared before training: {preparation}. `advisor predict RUN --data in.csv --out out.csv` does the same;
in Python, `pipeline.predictors.fine_tuned.load_fine_tuned("model")` does.

## Data

{sheet}

## Limits

{limits}
"""


def _limits(plan: Plan, result: Result) -> str:
    """Where it was seen to fail, and what it was not tested on."""
    errors, found = result.errors, []
    language = "" if plan.language == "unknown" else f" in the language '{plan.language}'"
    found.append(f"It knows rows like those it was trained on{language}; it was not tested on others.")
    found.append(f"Of a text it reads the first {plan.preparation.max_tokens} tokens.")
    weakest = min((row for row in errors.by_class if row.rows), key=lambda row: row.f1, default=None)
    if weakest is not None:
        reach = weakest.recall_reach
        shown = f" (95 % interval {reach.low:.2f} to {reach.high:.2f})" if reach else ""
        found.append(
            f"Its weakest class is `{_one_line(weakest.label)}`: of {weakest.rows} it finds {weakest.recall:.0%}{shown}."
        )
    if errors.slices is not None:
        found.append(errors.slices.because)
    if errors.calibration is not None:
        found.append(
            f"How sure it says it is lies {100 * errors.calibration.expected_error:.1f} points off on average."
        )
    if errors.robustness is not None:
        worst = max(errors.robustness.disturbances, key=lambda each: each.drop.point, default=None)
        if worst is not None:
            found.append(f"With {worst.kind} put in, its score goes from {worst.before:.3f} to {worst.after:.3f}.")
    if result.forgetting is not None:
        found.append(result.forgetting.because)
    found.append(
        f"Largest difference between trained and reloaded logits: {result.reload.largest_logit_difference:.1e}."
    )
    return "\n".join(f"- {' '.join(said.split())}" for said in found)


def _one_line(text: str) -> str:
    """What comes from the data, so that it stands in a line and between backticks."""
    return " ".join(text.replace("`", "'").split())


def _reach(way: Score) -> str:
    return "none on so few rows" if way.why_no_interval else f"{way.low:.3f} to {way.high:.3f}"


def model_card(plan: Plan, task: Task, result: Result, preparation: TextPreparation) -> str:
    """The card as Markdown; texts were prepared as the run did it in the end."""
    ways, gain = [*result.rivals, result.fine_tuned], result.difference
    spaces = "white space collapsed" if preparation.collapse_whitespace else "white space kept"
    return _CARD.format(
        base=json.dumps(plan.model.location if plan.model.kind == "hub" else plan.model.name),
        licence=json.dumps(plan.model_licence),
        model=plan.model.name,
        task=plan.task,
        name=plan.name,
        tag=task.hub_tag,
        module=task.head_module,
        usage=task.usage,
        thresholds=THRESHOLDS if task.needs_thresholds else "",
        classes=f" Labels: {', '.join(f'`{_one_line(label)}`' for label in plan.classes)}." if plan.classes else "",
        test_rows=result.test_rows,
        metric=plan.metric,
        scores="\n".join(f"| {way.name} | {way.score:.3f} | {_reach(way)} |" for way in ways),
        rival=result.chosen_rival,
        difference=gain.point,
        reach="" if gain.why_no_interval else f" (95 % interval {gain.low:+.3g} to {gain.high:+.3g})",
        because=result.because,
        preparation=f"Unicode {preparation.unicode_form}, {spaces}, cut after {preparation.max_tokens} tokens",
        sheet=_sheet(plan.data_sheet),
        limits=_limits(plan, result),
    )


def _sheet(sheet: DataSheet) -> str:
    """The data sheet as Markdown; what comes from the data stands in one line each, whatever it holds."""
    facts = sheet.facts or {
        "Origin": sheet.origin,
        "Consent": sheet.consent,
        "Licence": sheet.licence,
        "Personal data": sheet.personal_data,
    }
    lines = [f"- {question}: {answer}" for question, answer in facts.items()]
    if sheet.notes or sheet.faults:
        lines += ["", "To be heeded:", "", *(f"- {said}" for said in [*sheet.notes, *sheet.faults])]
    return "\n".join(" ".join(line.split()) for line in lines)
