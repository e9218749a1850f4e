"""The model catalogue: every file under `rules/models/` keeps to the same rules."""

import datetime
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from advisor.catalogue import list_models
from advisor.errors import AnswersError, RuleError
from advisor.rule_records import ModelEntry
from advisor.rulebook import RULES_FOLDER, _checked, _read_model, load_tasks
from pipeline.task import TASKS

DOMAINS = {"general", "social-media", "biomedical", "clinical", "legal", "financial", "code", "scientific"}
SIZES = (("tiny", 15_000_000), ("small", 60_000_000), ("base", 300_000_000))
"""Up to how many parameters a size goes; XLM-RoBERTa base, with its long word list, is still a base model."""

FILES = sorted((RULES_FOLDER / "models").glob("*.toml"))
every_model = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])


def sources(model: ModelEntry) -> list[str]:
    facts = (model.parameters, model.max_tokens, model.licence, model.pre_training)
    optional = (model.tuned_on, model.community.downloads)
    pages = [fact.source for fact in facts] + [fact.source for fact in optional if fact is not None]
    return pages + [result.source for result in model.results]


def size_of(parameters: int) -> str:
    return next((size for size, limit in SIZES if parameters < limit), "large")


@pytest.fixture(scope="module")
def catalogue() -> list[ModelEntry]:
    return [_read_model(path) for path in FILES]


@every_model
def test_every_model_can_be_read(path: Path) -> None:
    model = _read_model(path)
    assert model.title
    assert model.why.endswith(".")


@every_model
def test_every_model_is_named_after_its_file(path: Path) -> None:
    assert _read_model(path).name == path.stem
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", path.stem)


@every_model
def test_every_model_has_an_address_on_the_hub(path: Path) -> None:
    model = _read_model(path)
    assert re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model.hub_id)
    assert model.community.model_card == f"https://huggingface.co/{model.hub_id}"


@every_model
def test_every_model_can_be_fine_tuned_for_a_task_that_is_built(path: Path) -> None:
    kind = _read_model(path).kind
    assert [key for key, task in load_tasks().items() if task.metrics and kind in task.reads]


@every_model
def test_every_model_names_its_languages_by_code(path: Path) -> None:
    languages = _read_model(path).languages
    assert languages
    assert [code for code in languages if code != "multilingual" and not re.fullmatch(r"[a-z]{2,3}", code)] == []
    assert len(set(languages)) == len(languages)
    assert len(languages) == 1 or "multilingual" in languages


@every_model
def test_every_model_belongs_to_known_domains(path: Path) -> None:
    domains = _read_model(path).domains
    assert domains
    assert set(domains) <= DOMAINS


@every_model
def test_every_model_names_its_sources(path: Path) -> None:
    model = _read_model(path)
    pages = [model.community.paper, model.community.training_code, model.community.tutorial]
    assert [page for page in [*sources(model), *pages] if page and not re.match(r"https://[\w.-]+/\S+$", page)] == []


@every_model
def test_every_model_is_pinned_by_a_whole_hash_or_not_at_all(path: Path) -> None:
    model = _read_model(path)
    assert model.revision is None or re.fullmatch(r"[0-9a-f]{40}", model.revision)
    assert model.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", model.sha256)


@every_model
def test_every_model_says_when_it_was_looked_up(path: Path) -> None:
    looked_up = _read_model(path).community.looked_up
    assert datetime.date.fromisoformat(looked_up).isoformat() == looked_up


@every_model
def test_every_size_agrees_with_the_parameters(path: Path) -> None:
    model = _read_model(path)
    assert model.size == size_of(model.parameters.value)


@every_model
def test_every_model_reads_a_plausible_number_of_tokens(path: Path) -> None:
    assert 64 <= _read_model(path).max_tokens.value <= 8192


@every_model
def test_every_published_result_is_in_percent_and_of_a_task_that_exists(path: Path) -> None:
    model = _read_model(path)
    assert [result for result in model.results if not 1 < result.value <= 100] == []
    assert {result.task for result in model.results} <= set(load_tasks())


def test_no_model_stands_in_the_catalogue_twice(catalogue: list[ModelEntry]) -> None:
    assert len({model.hub_id.lower() for model in catalogue}) == len(catalogue)
    assert len({model.title for model in catalogue}) == len(catalogue)


def test_the_catalogue_covers_domains_languages_sizes_and_long_texts(catalogue: list[ModelEntry]) -> None:
    assert len(catalogue) >= 25
    assert {domain for model in catalogue for domain in model.domains} == DOMAINS
    assert {model.size for model in catalogue} == {"tiny", "small", "base", "large"}
    assert any("multilingual" in model.languages for model in catalogue)
    assert {"en", "de", "fr", "zh"} <= {model.languages[0] for model in catalogue}
    assert any(model.max_tokens.value >= 4096 for model in catalogue)


@pytest.mark.parametrize("key", TASKS)
def test_every_task_is_listed_with_the_models_of_the_kinds_that_it_reads_small_ones_first(key: str) -> None:
    reads = load_tasks()[key].reads
    found, here = list_models(key)
    assert {entry.name for entry in found} == {path.stem for path in FILES if _read_model(path).kind in reads}
    assert [entry.parameters.value for entry in found] == sorted(entry.parameters.value for entry in found)
    assert here <= {entry.name for entry in found}


def test_a_task_that_does_not_exist_has_no_models() -> None:
    with pytest.raises(AnswersError) as caught:
        list_models("text-clasification")
    assert caught.value.problem == "There is no task 'text-clasification'."
    assert "text-classification" in caught.value.fix


def test_a_model_with_an_unknown_key_is_refused_by_name() -> None:
    values = _read_model(FILES[0]).model_dump() | {"colour": "blue"}
    with pytest.raises(RuleError, match="colour") as refusal:
        _checked(ModelEntry, values, FILES[0])
    assert isinstance(refusal.value.__cause__, ValidationError)
