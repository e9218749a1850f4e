"""Models: found where they are, refused when unsafe, changed or broken."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.errors import ModelError
from pipeline.models import check_weights, fetch, load_encoder, load_tokenizer, locate, read_pins, weight_bytes
from pipeline.predictors.fine_tuned import load_fine_tuned
from pipeline.records import ModelSource


@pytest.fixture
def model_copy(tiny_model: ModelSource, tmp_path: Path) -> ModelSource:
    """A copy that a test may damage."""
    shutil.copytree(tiny_model.location, tmp_path / "tiny-bert")
    return tiny_model.model_copy(update={"location": "tiny-bert"})


def hub(revision: str | None = None) -> ModelSource:
    return ModelSource(name="some-model", kind="hub", location="someone/some-model", revision=revision)


def test_a_folder_is_found_relative_to_the_plan_and_a_missing_one_is_none(
    model_copy: ModelSource, tmp_path: Path
) -> None:
    assert locate(model_copy, tmp_path) == tmp_path / "tiny-bert"
    assert locate(model_copy, tmp_path / "elsewhere") is None


def test_a_model_that_is_not_installed_or_cached_is_none(tmp_path: Path) -> None:
    for location in ("no_such_package:model", "json.decoder:model", "pipeline:model"):
        assert locate(ModelSource(name="a", kind="package", location=location), tmp_path) is None
    assert locate(hub(), tmp_path) is None
    assert locate(hub(revision="abc"), tmp_path) is None


def test_a_cached_hub_model_is_found_at_its_revision(
    model_copy: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / "models--someone--some-model"
    shutil.copytree(tmp_path / "tiny-bert", repository / "snapshots" / "abc")
    assert locate(hub(revision="abc"), tmp_path) == repository / "snapshots" / "abc"
    assert locate(hub(), tmp_path) is None
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc\n", encoding="utf-8")
    assert locate(hub(), tmp_path) == repository / "snapshots" / "abc"
    (repository / "snapshots" / "abc" / "model.safetensors").unlink()
    assert locate(hub(), tmp_path) is None


def test_a_download_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        fetch(hub())
    assert caught.value.problem.startswith("'someone/some-model' could not be downloaded (")
    assert (
        caught.value.fix == "Check the connection and the name, or copy the model into a folder and name that folder."
    )
    assert read_pins() == {}


def test_weights_other_than_safetensors_are_refused(model_copy: ModelSource, tmp_path: Path) -> None:
    folder = tmp_path / "tiny-bert"
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError) as caught:
        check_weights(folder, model_copy)
    assert caught.value.problem == "'tiny-bert' has no weights as safetensors."
    assert caught.value.fix == "Convert it with `safetensors`, or choose another model."
    with pytest.raises(ModelError):
        load_encoder(folder)


def test_weights_other_than_the_pinned_ones_are_refused(model_copy: ModelSource, tmp_path: Path) -> None:
    folder = tmp_path / "tiny-bert"
    found = check_weights(folder, model_copy)
    assert check_weights(folder, model_copy.model_copy(update={"sha256": found})) == found
    with pytest.raises(ModelError) as caught:
        check_weights(folder, model_copy.model_copy(update={"sha256": "ab" * 32}))
    assert caught.value.problem == (
        f"The weights of 'tiny-bert' are not the pinned ones: sha256 {found[:12]}… instead of abababababab…."
    )
    assert caught.value.fix == "Install or download it again; if the change is meant, change the pin."


def test_a_hub_model_is_held_to_its_first_download(
    model_copy: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    pins = tmp_path / "finetune-advisor" / "pins.json"
    pins.parent.mkdir()
    pins.write_text(json.dumps({"someone/some-model": {"revision": "abc", "sha256": "cd" * 32}}), encoding="utf-8")
    with pytest.raises(ModelError, match="not the pinned ones"):
        check_weights(tmp_path / "tiny-bert", hub())


def test_a_tokenizer_that_knows_no_word_is_refused(model_copy: ModelSource, tmp_path: Path) -> None:
    path = tmp_path / "tiny-bert" / "tokenizer.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    description["model"]["vocab"] = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load_tokenizer(path.parent)
    assert caught.value.problem == "The tokenizer in 'tiny-bert' turns every word into the unknown token."
    assert caught.value.fix == "Check its vocabulary file, or choose another model."


def test_a_model_that_cannot_be_loaded_says_so_in_one_line(model_copy: ModelSource, tmp_path: Path) -> None:
    weights = tmp_path / "tiny-bert" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError) as caught:
        load_encoder(weights.parent)
    assert caught.value.problem.startswith("The model in 'tiny-bert' cannot be loaded: ")
    assert "\n" not in caught.value.problem
    assert caught.value.fix == "Download it again, or choose another model."
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(ModelError):
            load(tmp_path / "no model")


def test_weights_of_another_shape_are_refused(model_copy: ModelSource, tmp_path: Path) -> None:
    path = tmp_path / "tiny-bert" / "config.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(description | {"intermediate_size": 128}), encoding="utf-8")
    with pytest.raises(ModelError, match="The model in 'tiny-bert' cannot be loaded: "):
        load_encoder(path.parent)


def test_the_encoder_is_loaded_ready_to_read(tiny_model: ModelSource) -> None:
    model = load_encoder(Path(tiny_model.location))
    assert not model.training
    assert weight_bytes(Path(tiny_model.location)) > 4 * model.num_parameters()


def test_a_folder_without_a_fine_tuned_model_says_so(tiny_model: ModelSource) -> None:
    with pytest.raises(ModelError) as caught:
        load_fine_tuned(Path(tiny_model.location))
    assert caught.value.problem == f"'{tiny_model.location}' holds no fine-tuned model."
    assert caught.value.fix == "Name the model/ folder of a finished run."
