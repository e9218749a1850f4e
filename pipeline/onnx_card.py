"""What lies beside an ONNX model for people: how it is run without this package, and how good it is."""

from pipeline.records import Plan
from pipeline.results import Result
from pipeline.task import Task

_CARD = """# {name} as ONNX

`{base}` fine-tuned for {task} by finetune-advisor, written as ONNX. Licence: {licence}. On {test_rows} sealed test rows it gives the
answers of the run: {metric} {score}{reach}. What it was trained on, and its limits, stand in the card of the model,
`model/README.md` of the run.

Needs `pip install numpy onnxruntime tokenizers`, and nothing else:

```python
{code}
```
{note}"""
_READ = """import json
import pathlib
import unicodedata

import numpy as np
import onnxruntime
import tokenizers

about = json.loads(pathlib.Path("finetune_advisor.json").read_text(encoding="utf-8"))
classes, preparation = about["classes"], about["preparation"]
tokenizer = tokenizers.Tokenizer.from_file("tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation(preparation["max_tokens"])
session = onnxruntime.InferenceSession("model.onnx")


def prepare(text):
    if preparation["unicode_form"] != "none":
        text = unicodedata.normalize(preparation["unicode_form"], text)
    return " ".join(text.split()) if preparation["collapse_whitespace"] else text


def outputs(read):
    known = {"input_ids": read.ids, "attention_mask": read.attention_mask, "token_type_ids": read.type_ids}
    given = {each.name: np.array([known[each.name]], dtype=np.int64) for each in session.get_inputs()}
    return session.run(["logits"], given)[0][0]


"""
_ONE_LABEL = """def answer({given}):
    return classes[outputs(tokenizer.encode({prepared})).argmax()]
"""
_SEVERAL = """def answer({given}):
    probabilities = 1 / (1 + np.exp(-outputs(tokenizer.encode({prepared}))))
    return [label for label, share, least in zip(classes, probabilities, about["thresholds"]) if share >= least]
"""
_NUMBER = """def answer({given}):
    return float(np.clip(outputs(tokenizer.encode({prepared}))[0], {lowest}, {highest}))
"""
_WORDS = """def answer(words):
    words = [prepare(word) for word in words]
    owners = [owner for place, word in enumerate(words) for owner in [*[place] * len(word), None]]
    read, first = tokenizer.encode(" ".join(words)), {}
    found = outputs(read)
    for token, (start, end) in enumerate(read.offsets):
        for word in set(owners[start:end]) - {None}:
            first.setdefault(word, token)
    return [classes[found[first[word]].argmax()] if word in first else classes[0] for word in range(len(words))]
"""
COSTED = "\nMistakes of this model have costs, so the run's answers are not the likeliest ones. {rule}\n"


def onnx_card(plan: Plan, task: Task, result: Result) -> str:
    """The card as Markdown; its lines of Python run as they stand, in the folder."""
    ours = result.fine_tuned
    return _CARD.format(
        name=plan.name,
        base=plan.model.name,
        task=plan.task,
        licence=plan.model_licence,
        test_rows=result.test_rows,
        metric=result.metric_facts.title,
        score=f"{ours.score:.3f}",
        reach="" if ours.why_no_interval else f" (95 % interval {ours.low:.3f} to {ours.high:.3f})",
        code=_code(plan, task),
        note=COSTED.format(rule=result.answer_rule) if result.answer_rule else "",
    )


def _code(plan: Plan, task: Task) -> str:
    pairs = "text_pair" in plan.data.columns
    given = "text, other" if pairs else "text"
    prepared = "prepare(text), prepare(other)" if pairs else "prepare(text)"
    if task.by_words:
        return f'{_READ}{_WORDS}\n\nprint(answer(["some", "words"]))'
    lowest, highest = (plan.task_options.get(end, f"{sign}inf") for end, sign in (("lowest", "-"), ("highest", "")))
    shape = _SEVERAL if task.needs_thresholds and task.costs is None else _ONE_LABEL if plan.classes else _NUMBER
    body = shape.replace("{given}", given).replace("{prepared}", prepared)
    body = body.replace("{lowest}", f'float("{float(lowest)}")').replace("{highest}", f'float("{float(highest)}")')
    example = '"a text", "another"' if pairs else '"a text"'
    return f"{_READ}{body}\n\nprint(answer({example}))"
