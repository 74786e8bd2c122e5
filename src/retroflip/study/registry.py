"""All studies by name; adding one takes its package, a line here and its command in `cli/study.py`."""

from collections.abc import Callable, Mapping
from typing import Any

from retroflip.study.labels.plan import plan as labels
from retroflip.study.methods.plan import plan as methods
from retroflip.study.plan import Plan
from retroflip.study.synrl.plan import plan as synrl

STUDIES: Mapping[str, Callable[[bool], Plan[Any]]] = {"methods": methods, "synrl": synrl, "labels": labels}
"""what makes a plan, given whether it is to be quick: a few steps an arm, which shows that every step works"""
