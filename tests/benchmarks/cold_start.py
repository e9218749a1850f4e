"""Cold start: seconds from the start of a fresh process until some training steps are done, ours beside a plain script.

Run by hand: `python tests/benchmarks/cold_start.py ROUNDS FOLDER`, the folder with a `train.jsonl` of `text` and `label`. Both
read the same rows and take the same five steps in batches of 16, after which ours tells its first loss; processes take turns.
Ours loads, encodes, measures its pace and scores the validation rows before it steps; the plain script imports nothing of ours. With one
thread (`OMP_NUM_THREADS=1`) the ratio of processor seconds holds on a busy machine too.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.plain import encoder

ROWS, STEPS = 512, 5
PLAIN = """
import json, sys
import datasets, transformers
file, encoder, work, count, steps = sys.argv[1:]
lines = [json.loads(line) for line in open(file, encoding="utf-8")][: int(count)]
classes = sorted({str(line["label"]) for line in lines})
tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)
model = transformers.AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=len(classes))
table = {"text": [line["text"] for line in lines], "label": [classes.index(str(line["label"])) for line in lines]}
rows = datasets.Dataset.from_dict(table).map(lambda batch: tokenizer(batch["text"], truncation=True), batched=True)
arguments = transformers.TrainingArguments(
    work, per_device_train_batch_size=16, max_steps=int(steps), save_strategy="no", report_to="none", disable_tqdm=True
)
collator = transformers.DataCollatorWithPadding(tokenizer)
transformers.Trainer(model, arguments, train_dataset=rows, data_collator=collator).train()
"""
OURS = """
import sys
from pathlib import Path
from pipeline.training.train import train
from tests.benchmarks.plain import make_job, read_rows
from pipeline.records import Recipe
file, encoder, work, count, steps = sys.argv[1:]
recipe = Recipe(
    strategy="fine_tune", learning_rate=1e-4, batch_size=16, epochs=3, warmup_fraction=0.1, weight_decay=0.01,
    early_stopping_epochs=2, class_weights="none", precision="where_faster",
)
def stop(event, **values):
    if event == "step" and values["step"] >= int(steps):
        raise SystemExit
rows = read_rows(Path(file), int(count), 0)
train(make_job(rows, rows.take(range(64)), recipe, 0, from_probe=False), Path(work), stop)
"""


def seconds(code: str, file: Path) -> tuple[float, float]:
    """Wall and processor seconds of one fresh process."""
    with tempfile.TemporaryDirectory() as work:
        begun, before = time.perf_counter(), os.times()
        given = [str(file), str(encoder()), work, str(ROWS), str(STEPS)]
        subprocess.run([sys.executable, "-c", code, *given], check=True, capture_output=True)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        return time.perf_counter() - begun, spent


def main(rounds: int, folder: Path) -> None:
    """Measure both in turn, so that a busy machine slows them alike."""
    pairs = [(seconds(PLAIN, folder / "train.jsonl"), seconds(OURS, folder / "train.jsonl")) for _ in range(rounds)]
    for clock, name in enumerate(("wall", "processor")):
        plain, ours = (statistics.median(pair[way][clock] for pair in pairs) for way in (0, 1))
        ratio = statistics.median(own[clock] / other[clock] for other, own in pairs)
        print(
            f"{name} seconds until {STEPS} steps are done: plain {plain:.1f}, ours {ours:.1f}: {ratio:.2f} times as long"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
