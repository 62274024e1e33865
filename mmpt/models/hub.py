"""A saved model on the Hugging Face hub."""

from pathlib import Path

from huggingface_hub import HfApi

__all__ = ["push_folder"]


def push_folder(folder: str | Path, repo_id: str, private: bool = True, token: str | None = None) -> str:
    """Upload a folder as one commit, to a repository that is made if it is not there; return its address.

    Args:
        folder: A saved model.
        repo_id: ``owner/name``.
        private: Whether a new repository is for its owner alone.
        token: Of an account that may write there; None: the one that ``hf auth login`` stored.
    """
    api = HfApi(token=token)
    address = api.create_repo(repo_id, private=private, exist_ok=True)
    api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="Model saved by mmpt")
    return str(address)
