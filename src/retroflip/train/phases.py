"""Where a step's time goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Phases:
    """Seconds by the name of a part of the work, since they were last taken. Parts do not contain one another."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def during(self, name: str) -> Iterator[None]:
        """Count the time of what is done meanwhile, whether it succeeds or not."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def take(self) -> dict[str, float]:
        """Return what was counted, and begin anew."""
        taken, self.seconds = self.seconds, {}
        return taken
