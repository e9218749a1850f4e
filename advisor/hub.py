"""Hands a model to the hub, when a person says so: private unless told otherwise, and never over something that is there."""

import re
from pathlib import Path

from advisor.errors import AnswersError
from advisor.run_folder import RunFolder, shown_path
from pipeline.records import Plan

NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", re.ASCII)
"""OWNER/NAME, as the hub takes it: https://huggingface.co/docs/huggingface_hub/package_reference/utilities"""


def check_push(folder: RunFolder, name: str, *, public: bool) -> None:
    """Refuse what could not be pushed, before anything is made.

    Raises:
        AnswersError: The name is none, the hub is switched off, nobody is logged in, or the data is personal.
    """
    from huggingface_hub import constants, get_token

    if not NAME.fullmatch(name):
        raise AnswersError(f"'{name}' is no name on the hub.", "Write it as OWNER/NAME, such as anna/moods.")
    if public and folder.load("plan", Plan).data_sheet.personal_data == "yes":
        raise AnswersError(
            "The data is personal, and a model can give away what it was trained on.",
            "Push it without --public: only you and whom you invite will see it.",
        )
    if constants.HF_HUB_OFFLINE:
        raise AnswersError(
            "The hub is switched off here (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set), so nothing can be pushed.",
            f"Unset it and push again, or take the folder '{shown_path(folder.path / 'model')}' by other means.",
        )
    if get_token() is None:
        raise AnswersError("Nobody is logged in to the hub here.", "Run `hf auth login`, then push again.")


def push(folder: RunFolder, name: str, onnx: Path | None, *, public: bool) -> str:
    """Make a new repository and upload the model, with the ONNX folder in it; returns a sentence that says where it is.

    Raises:
        AnswersError: The hub cannot be reached, refuses, or has such a repository.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    hub = HfApi()
    try:
        address = hub.create_repo(name, private=not public, exist_ok=False)
        hub.upload_folder(repo_id=name, folder_path=folder.path / "model", commit_message="Add the fine-tuned model")
        if onnx is not None:
            hub.upload_folder(
                repo_id=name, folder_path=onnx, path_in_repo="onnx", commit_message="Add the model as ONNX"
            )
    except (HfHubHTTPError, OSError) as error:
        said = str(error).strip().splitlines()[0].rstrip(".:")
        raise AnswersError(
            f"'{name}' could not be pushed: {said}.",
            "Check the connection, the token (`hf auth whoami`) and that no such repository is there yet, then push again.",
        ) from error
    return f"Pushed to {address}, which {'everybody' if public else 'nobody but you and whom you invite'} can see."
