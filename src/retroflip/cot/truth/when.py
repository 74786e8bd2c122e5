"""When something is said to be so, and what is known from before it."""

from dataclasses import dataclass, field

from retroflip.cot.reading import Terms
from retroflip.cot.stamps import Stamp
from retroflip.cot.world import Fact, Held

Found = list[Fact] | None


@dataclass(frozen=True)
class When:
    """When something is said to be so, and what is known from before it.

    phase: the start or the end of the video. latest: the event told last. subject: what "it" is. topic: what else the
    sentence speaks of. text: words around it, which tell whether a time is that of an end. numbers, result: those of
    sums. parts: the halves or thirds of the video that the sentence names. is_timeless: its sentence tells no time.
    is_beside: it stands beside a time, but needs none. is_exact: a claim says what is held or where something is.
    is_behind: it is so behind an operation that begins at its time. claimed: contents that claims give.
    """

    stamp: Stamp | None = None
    phase: str | None = None
    latest: Fact | None = None
    subject: tuple[Terms, ...] = ()
    container: str | None = None
    topic: tuple[Terms, ...] = ()
    text: str = ""
    numbers: Terms | None = None
    result: str = ""
    parts: tuple[str, ...] = ()
    is_timeless: bool = False
    is_beside: bool = False
    is_exact: bool = False
    is_behind: bool = False
    claimed: tuple[Held, ...] = field(default=())
