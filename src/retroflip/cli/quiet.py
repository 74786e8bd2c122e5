"""Keep libraries from telling users what they cannot act on; the library itself silences nothing."""

import logging
import os
import sys
import warnings
from pathlib import Path

from retroflip.models import tiny

CHATTY = ("accelerate", "datasets", "huggingface_hub", "transformers", "trl", "torch.distributed")


ALWAYS = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Threads that spin while they wait slow a step down tenfold when another program wants their core.
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_THREAD_TIMEOUT": "4",
    # It would look for plugins in every package that is installed, at every start.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}
"""settings of the process's environment; a user's own stay"""


def set_environment() -> None:
    """Set what libraries read when they are loaded: call it before torch or numpy is first imported."""
    for name, value in ALWAYS.items():
        os.environ.setdefault(name, value)


def quiet(model: str, *, online: bool = False) -> None:
    """Prepare the process for loading `model`. Call it before huggingface_hub, transformers or TRL are first imported.

    A model that lies on this machine is loaded without the network, unless that is needed later in the process
    (online). One from the hub keeps its download bar on a terminal: it can take long.
    """
    set_environment()
    local = model == tiny.NAME or Path(model).is_dir()
    if local and not online:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if local or not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    _silence_warnings()
    _silence_transformers()


def _silence_warnings() -> None:
    # Deprecations are addressed to us, who pin the versions, and not to whoever runs a command.
    for category in (DeprecationWarning, FutureWarning, PendingDeprecationWarning):
        warnings.simplefilter("ignore", category)
    # Pinning memory has no meaning without a GPU, and torch says so once per loader.
    warnings.filterwarnings("ignore", message=".*pin_memory.*", category=UserWarning)


def _silence_transformers() -> None:
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
