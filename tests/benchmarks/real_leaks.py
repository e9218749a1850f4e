"""Lists the copies, leaks and drifts that really are between the official files of the shared text sets.

Run: BENCHMARK_DATA=FOLDER python tests/benchmarks/real_leaks.py
"""

import json
import tempfile
from pathlib import Path

from advisor.audit.copies import find_copies, find_leaks
from advisor.audit.drift import find_drift
from advisor.audit.explanation import explain
from advisor.audit.labels import find_conflicts
from advisor.audit.material import Material
from advisor.records import Answers
from advisor.rulebook import load_rules
from pipeline.data.dataset import load_dataset
from pipeline.task import load_task
from tests.benchmarks.sets import data_folder

TASKS = {
    "text-classification": ("text-classification", {"text": "text", "label": "label"}),
    "multi-label-classification": ("multi-label-classification", {"text": "text", "labels": "labels"}),
}
PAIRS = {
    "mrpc": ("text-pair-classification", {"text": "sentence1", "text_pair": "sentence2", "label": "label"}),
    "stsb_en": ("text-regression", {"text": "sentence1", "text_pair": "sentence2", "score": "score"}),
    "wnut17": ("token-classification", {"tokens": "tokens", "tags": "ner_tags"}),
}
CHECKS = (find_leaks, find_copies, find_conflicts, find_drift)


def main(folder: Path) -> None:
    if not folder.is_dir():
        print(f"{folder} is not there; nothing to do.")
        return
    rules = load_rules()
    print("set | finding | file | count of | share | grade | example")
    for meta in sorted(folder.glob("*/meta.json")):
        for line in look(meta.parent, json.loads(meta.read_text(encoding="utf-8")), rules):
            print(line, flush=True)


def look(folder: Path, meta: dict, rules) -> list[str]:  # type: ignore[type-arg, no-untyped-def]
    known = PAIRS.get(folder.name) or TASKS.get(meta["task"].split(" ")[0])
    if known is None or not (folder / "train.jsonl").is_file():
        return []
    task, named = known
    first = json.loads((folder / "train.jsonl").open(encoding="utf-8").readline())
    columns = {role: name for role, name in named.items() if name in first}
    answers = Answers.model_validate(
        {"task": task, "data": {**{"train": str(folder / "train.jsonl")}, **columns}}
        | {"data": {**columns, **{side: str(folder / f"{side}.jsonl") for side in ("train", "validation", "test")}}}
    )
    asked = load_task(task, {}, columns)
    with tempfile.TemporaryDirectory() as here:
        data = load_dataset(answers.data, asked, Path(here), answers.seed, check=False)
    material = Material(data, asked, answers, rules, [], lambda: None)
    found = [each for check in CHECKS for each in check(material) if each.count]
    said = [(each, explain(each, rules.audit.findings, "train.jsonl")) for each in found]
    return [
        f"{folder.name} | {each.code} | {each.values.get('earlier', '')}>{each.values.get('later', '')} | "
        f"{each.count:,} of {each.of:,} | {100 * each.count / each.of:.1f} % | {finding.severity} | "
        f"{(each.examples[0] if each.examples else finding.because)[:150]!r}"
        for each, finding in said
    ] or [f"{folder.name} | none"]


if __name__ == "__main__":
    main(data_folder())
