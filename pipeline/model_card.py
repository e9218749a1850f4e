"""The card of a fine-tuned model: what it is, how good, from which data, and how to use it."""

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

`{base}` fine-tuned for {task} by finetune-advisor.{classes}

## How good it is

On {test_rows} sealed test rows, {metric}:

| way | score | 95 % interval |
|---|---|---|
{scores}

Against the cheap way that was chosen (`{rival}`) it is better by {difference:+.3g} ({low:+.3g} to {high:+.3g}). {because}

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

It knows rows like those it was trained on; it was not tested on others.
Largest difference between trained and reloaded logits: {reload:.1e}.
"""


def _reach(way: Score) -> str:
    return "none on so few rows" if way.why_no_interval else f"{way.low:.3f} to {way.high:.3f}"


def model_card(plan: Plan, task: Task, result: Result, preparation: TextPreparation) -> str:
    """The card as Markdown; texts were prepared as the run did it in the end."""
    ways = [*result.rivals, result.fine_tuned]
    spaces = "white space collapsed" if preparation.collapse_whitespace else "white space kept"
    return _CARD.format(
        base=plan.model.name,
        licence=plan.model_licence,
        task=plan.task,
        name=plan.name,
        tag=task.hub_tag,
        module=task.head_module,
        usage=task.usage,
        thresholds=THRESHOLDS if task.needs_thresholds else "",
        classes=f" Labels: {', '.join(f'`{label}`' for label in plan.classes)}." if plan.classes else "",
        test_rows=result.test_rows,
        metric=plan.metric,
        scores="\n".join(f"| {way.name} | {way.score:.3f} | {_reach(way)} |" for way in ways),
        rival=result.chosen_rival,
        difference=result.difference.point,
        low=result.difference.low,
        high=result.difference.high,
        because=result.because,
        preparation=f"Unicode {preparation.unicode_form}, {spaces}, cut after {preparation.max_tokens} tokens",
        sheet=_sheet(plan.data_sheet),
        reload=result.reload.largest_logit_difference,
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
