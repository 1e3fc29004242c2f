"""A model of the Hugging Face hub: `hub:owner/name`, or `hub:owner/name@revision`.

What the local cache holds of a branch is what is measured; a later revision is asked for by its name.
Configuration, safetensors and tokenizer are downloaded into the hub's own cache, no code; the rest is as
with a local directory. `HF_HUB_OFFLINE`, `HF_ENDPOINT` and `HF_HOME` mean what they mean elsewhere.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from benchlib.errors import Unavailable, UserError
from benchlib.models import LoadedModel, _meta, directory
from benchlib.registry import Source

FILES = ["config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*", "vocab*", "merges.txt",
         "special_tokens_map.json", "added_tokens.json", "*.model"]  # fmt: skip
INNER = ["*/*"]  # weights for other frameworks stand in subfolders
_COMMIT = re.compile("[0-9a-f]{40}")
_silent: list[Exception] = []  # why the hub does not answer
PATIENCE = 5.0  # seconds for the hub's first answer


def load(name: str, trial: Any) -> LoadedModel:
    """Downloads the model, or takes it from the hub's cache, and loads it."""
    path = download(name)
    model = directory.load(str(path), trial)
    model.facts["model_revision"] = path.name
    return model


def identity(name: str, trial: Any) -> list[str]:
    """The model by name and, as far as anybody knows it, the revision that `download` takes."""
    owner_name, _, revision = name.partition("@")
    return [owner_name, _revision(owner_name, revision or "main") or revision]


def _revision(owner_name: str, revision: str) -> str:
    """The commit that a branch or a tag stands for: that of the local cache, else the hub's; "" where nobody knows."""
    if _COMMIT.fullmatch(revision):
        return revision
    try:
        from huggingface_hub import constants, file_download

        folder = file_download.repo_folder_name(repo_id=owner_name, repo_type="model")
        return (Path(constants.HF_HUB_CACHE) / folder / "refs" / revision).read_text().strip()
    except (ImportError, ValueError):  # no client, or no name of a model
        return ""
    except OSError:  # it was never downloaded
        return _asked(owner_name, revision)


@cache
def _asked(owner_name: str, revision: str) -> str:
    """The commit as the hub says; a hub that does not answer once is asked no more by this process."""
    import huggingface_hub
    from huggingface_hub import errors

    if _silent:
        return ""
    try:
        return str(huggingface_hub.HfApi().repo_info(owner_name, revision=revision, timeout=PATIENCE).sha)
    except (errors.HfHubHTTPError, errors.HFValidationError):  # there is no such model, or not for everyone
        return ""
    except Exception as error:  # httpx, OSError, its own classes: whatever the way to the hub breaks with
        _silent.append(error)
        return ""


def download(name: str) -> Path:
    """The local folder of the model. Raises Unavailable without network, UserError for no such model; where one only
    looks at what it is, nothing is downloaded for that."""
    import huggingface_hub
    from huggingface_hub import errors

    owner_name, _, revision = name.partition("@")
    commit = "" if _meta.looking() else _revision(owner_name, revision or "main")
    try:
        path = huggingface_hub.snapshot_download(
            owner_name,
            revision=commit or revision or None,
            allow_patterns=FILES,
            ignore_patterns=INNER,
            etag_timeout=PATIENCE,
            local_files_only=_meta.looking(),
        )
    except errors.GatedRepoError as error:
        raise UserError(f"model 'hub:{name}': access to it has to be asked for on the hub first") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise UserError(f"model 'hub:{name}': the hub has no such model or revision (or it is private)") from error
    except errors.HFValidationError as error:
        raise UserError(f"model 'hub:{name}': not a name of the form owner/name ({error})") from error
    except Exception as error:  # httpx, OSError, its own classes: whatever the way to the hub breaks with
        raise Unavailable(f"model 'hub:{name}': {_why(error)}, and it is not in the local cache") from error
    if not (Path(path) / "config.json").is_file():
        raise UserError(f"model 'hub:{name}': it has no config.json, so transformers cannot build it")
    return Path(path)


def _why(error: Exception) -> str:
    from huggingface_hub import constants

    if _meta.looking():
        return "it is only looked at"
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE forbids downloads"
    reason = " ".join(str(error).partition("\n")[0].split())
    return f"the hub cannot be reached ({reason})"


source = Source(
    name="hub",
    summary="a model of the Hugging Face hub, downloaded when the network allows",
    load=load,
    identity=identity,
    packages=(*directory.source.packages, "huggingface_hub"),
    shapes=directory.source.shapes,
    refuse=directory.source.refuse,
)
