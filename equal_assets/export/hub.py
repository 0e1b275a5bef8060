"""Pushing an export to a data set repository of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from equal_assets.errors import ExportError


def push(folder: Path, files: Sequence[str], repository: str, *, is_public: bool) -> str:
    """Upload the files of an export in one commit, and return its address.

    Parameters
    ----------
    folder : Path
    files : sequence of str
        Relative to the folder; nothing else in it is uploaded.
    repository : str
        ``OWNER/NAME``; created if it is missing. An existing one stays public or private as it is,
        and keeps its other files.
    is_public : bool

    Raises
    ------
    ExportError
        If the name is invalid, or the hub refuses or is unreachable.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError

    api = HfApi()  # reads HF_TOKEN, or the token stored by `hf auth login`
    try:
        api.create_repo(repository, repo_type="dataset", private=not is_public, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=list(files),
            commit_message="Export of equal-assets",
        )
    except HFValidationError as error:
        raise ExportError(f"--push {repository}: {error}") from error
    except (OSError, HTTPError) as error:  # a refusal, no token, no network
        raise ExportError(
            f"--push {repository}: {error}. The export itself is in {folder}. Put a token with "
            "write access into HF_TOKEN, or store it with `hf auth login`"
        ) from error
    return str(commit.commit_url)
