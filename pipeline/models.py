"""Finds, checks and loads pre-trained models: hub, installed package or folder; safetensors only, no foreign code."""

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import ModelError
from pipeline.records import ModelSource

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

NEEDED_FILES = (
    "config.json",
    "*.safetensors",
    "model.safetensors.index.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "*.model",
    "special_tokens_map.json",
)
"""What is fetched from the hub: weights as safetensors, tokenizer and configuration; nothing that runs."""


def locate(source: ModelSource, folder: Path) -> Path | None:
    """The folder of a model that is on this machine now, or None. Nothing is downloaded.

    Args:
        source: The model.
        folder: What a relative path of a folder is relative to.
    """
    if source.kind == "package":
        return _locate_package(source)
    if source.kind == "hub":
        return _locate_in_cache(source)
    path = (folder / Path(source.location).expanduser()).resolve()
    return path if (path / "config.json").is_file() else None


def _locate_package(source: ModelSource) -> Path | None:
    module, _, inner = source.location.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations))) / inner
    return path if (path / "config.json").is_file() else None


def _locate_in_cache(source: ModelSource) -> Path | None:
    revision = source.revision or read_pins().get(source.location, {}).get("revision")
    repository = _hub_cache() / f"models--{source.location.replace('/', '--')}"
    if revision is None:
        reference = repository / "refs" / "main"
        revision = reference.read_text().strip() if reference.is_file() else None
    path = repository / "snapshots" / str(revision)
    return path if (path / "config.json").is_file() and any(path.glob("*.safetensors")) else None


def _hub_cache() -> Path:
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub"))


def _pins_file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "finetune-advisor" / "pins.json"


def read_pins() -> dict[str, dict[str, str]]:
    """Revision and checksum of each hub model, as they were at its first confirmed download."""
    path = _pins_file()
    found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def fetch(source: ModelSource) -> Path:
    """Download a hub model that the user asked for, and pin what came.

    Raises:
        ModelError: It cannot be downloaded, or has no safetensors.
    """
    import huggingface_hub

    revision = source.revision or read_pins().get(source.location, {}).get("revision")
    try:
        path = Path(
            huggingface_hub.snapshot_download(source.location, revision=revision, allow_patterns=list(NEEDED_FILES))
        )
    except Exception as error:  # the hub library raises what its parts raise
        raise ModelError(
            f"'{source.location}' could not be downloaded ({type(error).__name__}).",
            "Check the connection and the name, or copy the model into a folder and name that folder.",
        ) from error
    checksum = check_weights(path, source)
    pins = read_pins()
    pins[source.location] = {"revision": path.name, "sha256": checksum}
    _pins_file().parent.mkdir(parents=True, exist_ok=True)
    _pins_file().write_text(json.dumps(pins, indent=1), encoding="utf-8")
    return path


def check_weights(path: Path, source: ModelSource) -> str:
    """Check that a model's weights are safetensors and, when pinned, the very ones.

    Returns:
        Checksum of the weights, in hexadecimal.

    Raises:
        ModelError: There are no safetensors, or the checksum is another.
    """
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise ModelError(
            f"'{source.name}' has no weights as safetensors.", "Convert it with `safetensors`, or choose another model."
        )
    checksum = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                checksum.update(block)
    found = checksum.hexdigest()
    pinned = source.sha256 or (read_pins().get(source.location, {}).get("sha256") if source.kind == "hub" else None)
    if pinned is not None and found != pinned:
        raise ModelError(
            f"The weights of '{source.name}' are not the pinned ones: sha256 {found[:12]}… instead of {pinned[:12]}….",
            "Install or download it again; if the change is meant, change the pin.",
        )
    return found


def weight_bytes(path: Path) -> int:
    """Size of the weights on disk."""
    return sum(file.stat().st_size for file in path.glob("*.safetensors"))


def load_tokenizer(path: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer of a model folder, checked not to turn plain words into unknown tokens."""
    from transformers import AutoTokenizer

    tokenizer: Any = load_quietly(
        path, lambda: AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    )
    if tokenizer.unk_token_id is not None:
        sample = tokenizer("one word after another", add_special_tokens=False)["input_ids"]
        if sample and all(token == tokenizer.unk_token_id for token in sample):
            raise ModelError(
                f"The tokenizer in '{path.name}' turns every word into the unknown token.",
                "Check its vocabulary file, or choose another model.",
            )
    return tokenizer


def load_encoder(path: Path) -> "PreTrainedModel":
    """The encoder of a model folder in single precision, ready to read."""
    import torch
    from transformers import AutoModel

    model: Any = load_quietly(
        path,
        lambda: AutoModel.from_pretrained(
            path, local_files_only=True, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        ),
    )
    return model.eval()


def load_language_model(path: Path) -> "tuple[PreTrainedModel, Literal['masked', 'causal']] | None":
    """The model of a folder with the head that it predicts words with, and which words; None where it has no such head."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

    config = load_quietly(
        path, lambda: AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    )
    names = " ".join(getattr(config, "architectures", None) or [])
    masked = "ForMaskedLM" in names or "ForPreTraining" in names
    if not masked and "ForCausalLM" not in names and "LMHead" not in names:
        return None
    kind: Any = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    model, found = load_quietly(
        path,
        lambda: kind.from_pretrained(
            path,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        ),
    )
    return None if found["missing_keys"] else (model, "masked" if masked else "causal")


def load_quietly(path: Path, load: Callable[[], Any]) -> Any:
    """Load a part of the model in a folder, without bars and reports on the terminal.

    Raises:
        ModelError: It cannot be loaded; says why in one line.
    """
    import transformers
    from safetensors import SafetensorError

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        return load()
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"The model in '{path.name}' cannot be loaded: {first_line}", "Download it again, or choose another model."
        ) from error
