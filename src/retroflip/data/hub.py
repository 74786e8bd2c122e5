"""A model's folder or a benchmark's on the Hugging Face hub, with its card.

What is uploaded is what a folder's manifest lists and what stands beside it, never a hidden file, a link, a job's own
journal, or anything outside. Files go in batches, the one that makes the rest a whole last; what is there already is
not sent again, so a second start of a push that was cut off goes on.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import CommitOperationAdd, DatasetCard, HfApi, ModelCard, constants, metadata_load
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError  # type: ignore[attr-defined]
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

from retroflip.data.folder import CARD, RECORDS_NAME
from retroflip.data.manifest import MANIFEST_NAME, first_changed
from retroflip.errors import RetroflipError, UsageError
from retroflip.files.storage import is_unfinished
from retroflip.progress import Progress

CONFIG = "config.json"
TOKEN = "HF_TOKEN"  # noqa: S105 - the name of a variable
LEFT_OUT = frozenset({"journal.jsonl", "failures.jsonl", "notes.jsonl", "push.json"})
"""what a job keeps for itself in a data set's folder, with paths of the machine that it ran on"""
RATINGS = "labels.sqlite"
"""what the names of files hold in which the viewer keeps people's labels, with their names and notes"""
BATCH = 100
"""files of one commit"""
_UNREADABLE = (OSError, ValueError, yaml.YAMLError)


class HubError(RetroflipError):
    """The hub did not take what was pushed; the message says why, and nothing that was sent is lost."""


class Kind(StrEnum):
    """What a repository of the hub holds."""

    MODEL = "model"
    DATASET = "dataset"


@dataclass(frozen=True)
class Upload:
    """What would be pushed. files: paths in the folder with their bytes, in the order in which they are sent."""

    folder: Path
    repository: str
    kind: Kind
    public: bool
    files: tuple[tuple[str, int], ...]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(size for _, size in self.files)

    @property
    def batches(self) -> Iterator[tuple[str, ...]]:
        """The files by commit."""
        names = [name for name, _ in self.files]
        return (tuple(names[first : first + BATCH]) for first in range(0, len(names), BATCH))


def require(repository: str) -> None:
    """Raise UsageError where a push to that repository could not begin, before hours of work that are to end in one."""
    _check_name(repository)
    _token()


def planned(folder: Path, repository: str, *, public: bool) -> Upload:
    """Return what a push of this folder is. Nothing is sent.

    Raises UsageError for a folder that is neither a model's nor a data set's, for files in it that are not what its
    manifest lists, for a card that the hub could not read, and for a name that the hub has not.
    """
    _check_name(repository)
    kind = _kind(folder)
    _check_card(folder / CARD, kind)
    if (changed := first_changed(folder, besides=(CARD,))) is not None:
        raise UsageError(
            f"{changed} is not the file that {folder / MANIFEST_NAME} lists, so the folder is not what was made. "
            "Restore it before it goes out to others."
        )
    last = CONFIG if kind is Kind.MODEL else RECORDS_NAME
    found = sorted(_files(folder), key=lambda one: (one[0] == last, one[0]))
    return Upload(folder, repository, kind, public, tuple(found))


def push(upload: Upload, progress: Progress) -> str:
    """Push, and return the repository's address. The token is read from the environment's HF_TOKEN alone.

    Raises UsageError without a token, where the hub is switched off, and where a private push meets a public
    repository; HubError where the hub does not take it or cannot be reached.
    """
    token = _token()
    api = HfApi(token=token)
    where = f"{upload.kind.value} {upload.repository}"
    address = str(_asked(lambda: _repository(api, upload), where, token))
    progress.stage(f"pushing to {upload.repository}", len(upload.files), "files")
    done = 0
    for names in upload.batches:
        _asked(lambda: _commit(api, upload, names), where, token)  # noqa: B023 - called at once
        done += len(names)
        progress.advance(done)
    return address


def _token() -> str:
    if constants.HF_HUB_OFFLINE:
        raise UsageError(
            "HF_HUB_OFFLINE is set, so nothing is sent to the hub. Unset it to push; `retroflip push --dry-run` lists "
            "what would be sent."
        )
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise UsageError(
            f"A push needs a token with the right to write, in the environment's {TOKEN}; none is read from anywhere "
            "else. Make one in the hub's settings."
        )
    return token


def _repository(api: HfApi, upload: Upload) -> str:
    kind = upload.kind.value
    url = api.create_repo(upload.repository, repo_type=kind, private=not upload.public, exist_ok=True)
    info = api.repo_info(upload.repository, repo_type=kind)
    if not info.private and not upload.public:
        raise UsageError(
            f"{upload.repository} is there already and is public, so everybody would see what is pushed. Add --public "
            "if that is meant, or name another repository."
        )
    return str(url)


def _commit(api: HfApi, upload: Upload, names: Sequence[str]) -> None:
    operations = [CommitOperationAdd(name, upload.folder / name) for name in names]
    api.create_commit(
        upload.repository,
        operations,
        commit_message=f"Push {len(names)} files with retroflip",
        repo_type=upload.kind.value,
    )


def _asked(work: Callable[[], Any], where: str, token: str) -> Any:
    """Return what the hub answers. Raises HubError for whatever the hub or the network does instead."""
    try:
        return work()
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        # What the client raises is one of these; a failed upload of one file has its cause behind it.
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        raise HubError(_explained(cause, where).replace(token, "***")) from None


def _explained(error: BaseException, where: str) -> str:
    again = "The same command goes on where this one stopped: what was sent is not sent again."
    if not isinstance(error, HfHubHTTPError):
        return f"The hub could not be reached for {where} ({type(error).__name__}: {error}). {again}"
    status = error.response.status_code
    if status in (401, 403):
        return (
            f"The hub refused the token for {where} ({status}). It must be of an account that may write there, with "
            f"that right; set {TOKEN} anew."
        )
    said = " ".join((error.server_message or "").split())[:300]
    return f"The hub answered {status} for {where}{f': {said}' if said else ''}. {again}"


def _check_name(repository: str) -> None:
    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise UsageError(f"{repository!r} is no repository's name: {error}. Write OWNER/NAME.") from error
    if repository.count("/") != 1:
        raise UsageError(f"{repository!r} names no owner. Write OWNER/NAME.")


def _kind(folder: Path) -> Kind:
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder. Name that of a model, or of a benchmark or data set.")
    if (folder / "model" / CONFIG).is_file() and not (folder / CONFIG).is_file():
        raise UsageError(f"{folder} is a run's folder. Push its model: {folder / 'model'}.")
    if (folder / CONFIG).is_file() and any(folder.glob("*.safetensors")):
        return Kind.MODEL
    if (folder / RECORDS_NAME).is_file():
        return Kind.DATASET
    raise UsageError(
        f"{folder} holds neither a model ({CONFIG} and safetensors) nor a data set ({RECORDS_NAME}), so there is "
        "nothing to push."
    )


def _check_card(path: Path, kind: Kind) -> None:
    """Raise UsageError for a card that is missing, or whose head the hub could not read."""
    if not path.is_file():
        raise UsageError(
            f"There is no {path}. What goes out says what it is: training and `dybench` write a card, and one of your "
            "own will do."
        )
    card = ModelCard if kind is Kind.MODEL else DatasetCard
    try:
        head = metadata_load(path)
        if head is not None:
            card.load(path, ignore_metadata_errors=False)
    except _UNREADABLE as error:
        raise UsageError(f"The head of {path} cannot be read by the hub: {error}") from error
    if head is None:
        raise UsageError(f"{path} has no head in YAML between two lines of ---, by which the hub finds it.")


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the files that are pushed, with their bytes. Raises UsageError for one that is none, as a link."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if any(map(_is_left_out, name.parts)):
            continue
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            yield name.as_posix(), path.stat().st_size
        elif not stat.S_ISDIR(mode):
            raise UsageError(
                f"{path} is a link or no plain file, and what it leads to is not pushed. Take it out."
            )


def _is_left_out(part: str) -> bool:
    return part.startswith(".") or is_unfinished(part) or part in LEFT_OUT or RATINGS in part
