"""Whether a claim is so, and what follows from it."""

from collections.abc import Iterator, Sequence

from retroflip.cot.claims import Claim
from retroflip.cot.reading import Words
from retroflip.cot.stamps import Moment
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.relations import Relations
from retroflip.cot.truth.when import When
from retroflip.cot.world import Fact, Held


def borne_out(claim: Claim, relations: Relations, *, is_behind: bool = False) -> list[Fact] | None:
    """Return the events that bear a claim out, as a whole or of each of its objects; None where nothing does.

    is_behind: another claim of its sentence tells an event at its time, and it what is so from then on.
    """
    is_compared = "than" in str(claim.told.get("relation"))
    is_exact = claim.told.get("property") in ("holds", "cell") and not is_compared
    truth, when = relations.truth, When(claim.stamp, claim.phase, is_exact=is_exact, is_behind=is_behind)
    if claim.is_answer:
        return [] if truth.is_answer(Words(claim.tokens)) else None
    related = relations.judged(claim.told, claim.stamp)
    if related is not None:
        return list(related.events) if related.is_so else None
    if claim.length is not None:
        several = [Words(one).plain for one in claim.apart or [claim.tokens]]
        fits = [
            _lasting(claim.length, [e for e in truth.world.events if e.covers(one) and truth.at(e, when, "")])
            for one in several
        ]
        return [e for own in fits for e in own] if all(fits) else None
    if claim.beside:
        context = Words([token for token in claim.beside if token.text not in ("before", "after")])
        events = [e for e in truth.world.events if e.covers(context.plain) and truth.at(e, when, "")]
        told = Words(claim.tokens)
        return (
            []
            if any(
                truth.proof(told, When(latest=e, text=claim.beside[-1].text, is_exact=is_exact)) == []
                for e in events
            )
            else None
        )
    found = truth.proof(Words(claim.tokens), when)
    if found == [] and claim.is_timed and claim.told.keys() & {"object", "value"}:
        found = None
    if found is None and claim.series:
        found = truth.in_order(claim.series)
    if found is not None or not claim.apart:
        return found
    each = [truth.proof(Words(one), when) for one in claim.apart]
    proven = [one for one in each if one is not None]
    return [fact for one in proven for fact in one] if len(proven) == len(each) else None


def _lasting(length: Moment, events: Sequence[Fact]) -> list[Fact]:
    return [e for e in events if length.is_near(e.end - e.start, 100.0)]


def contents(claim: Claim, truth: Truth) -> Iterator[Held]:
    """Return the contents that a true claim gives: those of the containers it names, at its time."""
    named = {term for token in claim.tokens for term in token.says} & truth.world.containers
    items = {term for token in claim.tokens for term in token.says} & truth.world.items
    for held in truth.world.held:
        if (held.container in named or not named) and items and set(held.items) == items:
            yield held
