"""Questions in many wordings, as data: a template in which "[one|other]" leaves a choice.

>>> list(wordings("[Where|In which cell] is the {name}?"))
['Where is the {name}?', 'In which cell is the {name}?']
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product

from retroflip.synth.episode import Draw

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def worded(draw: Draw, templates: Sequence[str], **named: object) -> str:
    """Return a question: one of the templates, in one of its wordings, with its "{names}" filled in."""
    chosen = _CHOICE.sub(lambda found: draw.one_of(found[1].split("|")), draw.one_of(templates))
    return chosen.format(**named)


def wordings(template: str) -> Iterator[str]:
    """Yield every wording of a template."""
    parts = [part.split("|") if index % 2 else [part] for index, part in enumerate(_CHOICE.split(template))]
    return ("".join(choice) for choice in product(*parts))
