"""Would the answer change if the video were played backwards? The reversal test (CRPO, section 3).

In this order: an answer that is the same both ways ("no change", "back and forth"); the reversal map on the right
answer; what the question is after (order, moment, cause, what comes next, change); and what happens, which is undone
where a verb says so ("puts down"), or a motion with its path ("walks out of").
"""

import re
from collections.abc import Sequence

from retroflip.data.text_maps import TextMap, names_what_changes, other_option, reverse, say_the_same, steps
from retroflip.router import vocabulary as known
from retroflip.router.reading import IN_A_ROW, Asked, Verdict, words_of
from retroflip.router.vocabulary import forms, has, listed

_SAME_WORDS = listed(
    "unchanged unchanging unaffected throughout constant constantly steady stationary motionless still static hovering "
    "hovers equal equally simultaneous simultaneously"
) | forms("remain stay flicker")
_SAME = re.compile(
    r"\b(?:no|any) (?:\w+ )?(?:changes?|movement|motion|rotation)\b|\bat once\b|\bnot at all\b|\baround in\b"
    r"|\bsame (?:time|moment|speed|size|pace|way|colou?r|position|place)\b|\b(?:entire|whole) (?:video|clip|time)\b"
    r"|\bbetween (?:the )?(?:left|right|top|bottom|two|both)\b|\bback and forth\b|\bto and fro\b|\bside to side\b"
    r"|\bup and down\b|\bin place\b|\bin (?:a )?circles?\b"
    r"|\bkeep(?:s|ing)? (?:its|the same|a constant|still)\b|\bboth\b.*\b(?:time|once|together|speed)\b"
    r"|(?:\b(?:not|never|nothing|nobody|neither|none)|n't)\b(?: \w+){0,2} "
    r"(?:chang|mov|turn|rotat|spin|fall|happen|open|clos|stop)"
)
_SAME_SENSES = listed(
    "no any once all around same entire whole between back fro side and place circle circles keep keeps keeping both "
    "not never nothing nobody neither none"
)
"""words of which one is in each of these, but for "n't" """
_SAME_WHENEVER = re.compile(
    r"\bsame time\b|\bsimultaneous|\bthroughout\b|\b(?:entire|whole)\b|\bno change|\bnot change|\bat once\b|\Anothing\Z"
    r"|\bunchanged|\bboth\b.*\btogether\b"
)
"""what is the same both ways even of a first or last thing"""
_NOTHING = listed("nothing none neither nobody")
_NO_ORDER = re.compile(
    r"\b(?:which|what|any|all|one|each|some)? ?of the following\b|\bthe following (?=\w+(?:s|ies)\b)"
    r"|\bfollowing (?:the |this |an? |his |her )?instructions?\b"
    r"|\b(?:first|last|second|middle) (?:names?|aid|floor|row|column|person view|class|prize|place|language|letter"
    r"|digit|base|lady|half|edition|shelf|grade|storey|world|hand)\b|\bfirst-person\b|\bnext to\b"
    r"|\bend (?:product|user|zone|table|point|face)s?\b|\bstart(?:ing)? (?:price|line|grid|lineup|five)s?\b"
    r"|\bin order (?:to|for|that)\b|\bopening (?:hours?|ceremony|scene|credits|times?|quote)\b"
    r"|\bclosing (?:hours?|times?|ceremony)\b|\b(?:look|looks|looking|looked|named|take|takes|taking) after\b"
    r"|\bhow long\b.*\blast\b"
    r"|\b(?:first|second|third|fourth|fifth|sixth|last)\b(?! to (?!the\b|your\b))(?: \w+){0,3} "
    r"(?:from|to|on|at|in) (?:the |your )?(?:far )?(?:left|right|top|bottom|front|back|line|row|queue|column)\b"
    r"|\b\d+(?:\.\d+)? seconds?\b|\bhow many seconds\b|\bper second\b|\bin a row\b|\bstep by step\b"
    r"|\b(?:on )?(?:which|what) (?:floor|row|storey|grade)\b.*"
    r"|\b(?:first|second|third),.*\bor (?:second|third|fourth)\b"
    r"|\b(?:first|second|third) (?=[\w ]*\bin (?:the |this )?(?:photo|picture|photograph|painting|list|chart|table))"
    r"|\bstarting (?:at|from|with)\b|\b(?:going|counting|reading) (?:counter)?clockwise\b.*\bnext\b"
    r"|\bends? of the (?:table|street|road|hall|room|corridor)\b"
)
"""where a word of order orders nothing in time"""
_SENSES = listed(
    "following first first-person last second third fourth fifth sixth next end ends start starting order opening "
    "closing look looks looking looked named take takes taking long seconds row step floor storey grade"
)
"""words of which one is in each of these"""
_MOMENT = re.compile(
    r"\A\W*when\b|\b(?:when|at (?:what|which) point) (?:do|does|did|is|are|was|were|can|will|in the video)\b"
    r"|\b(?:what|which) (?:exact )?(?:time|moment|point|second|minute|timestamps?|part|segment|portion|period|interval|"
    r"frame|phase)\b(?! of the (?:body|face|car|house|clock|day))"
    r"|\b(?:find|locate|localize|ground|identify) (?:the )?(?:moment|time|segment|interval|clip)"
)
_MOMENTS = listed(
    "when time moment point second minute timestamp timestamps part segment portion period interval frame phase find "
    "locate localize ground identify"
)
_HALFWAY = re.compile(r"\b(?:half-?way|midway)\b|\bmiddle(?: of the (?:video|clip|time))?\Z")
_CLOCK = re.compile(r"\b(?:clock|watch|current time|time of (?:the )?day|season)\b")
_TIME = re.compile(
    r"\W*(?:(?:at|around|about|after) )?(?:\d+(?::\d\d)+|\d+(?:\.\d+)?\s*(?:-|–|to)\s*\d+(?:\.\d+)?\s*s)"
)
_ACTION = re.compile(
    r"\b(?:doing|done)\b|\b(?:do|does|did|will|would|can|to) (?:.* )?do\b|\bbeing\W*\Z|happen|\baction"
    r"|\bactivit|\bevent|\bdescri|\bgoing on\b|\btaking place\b|depict|\bmotion\b|\bmov(?:e|es|ing|ements?)\b"
    r"|\bmaneuver|\bmanoeuvre|\bbehavio|\btransform|\bprocess\b|\btrajectory\b|\bshown\b|\boccur|\bcaption\b"
    r"|\bstatement\b|\bsummar|\bperform|\bmatch"
)
_COMPARATIVES = listed(
    "brighter darker dimmer bigger smaller larger faster slower higher lower thicker thinner wider narrower warmer "
    "colder louder quieter nearer closer farther further taller shorter stronger weaker heavier lighter fuller emptier "
    "redder older younger blurrier clearer hotter cooler deeper longer less more"
)
_PREDICTS = re.compile(
    r"\b(?:will|would)\b(?! (?:you|best|describe|say|it be)\b)|\bgoing to\b|\bpredict|\bwithout the\b|\bnext\b(?! to\b)"
    r"|\bif\b.*\b(?:removed|were|had|was|not)\b|\blikely (?:to )?(?:happen|do|outcome|result)|\babout to\b"
    r"|\b(?:able|possible) to (?:do|be)\b"
)
_CHANGES = re.compile(
    r"\b(?:chang(?:e|es|ed|ing)|becom(?:e|es|ing)|became|transform\w*|transition\w*|develop(?:s|ed)?|evolv\w+|morph\w*|"
    r"alter(?:s|ed|ing)?|progress\w*)\b|\bturn(?:s|ed|ing)? (?:into|to)\b"
)
_WHY_EVENT = re.compile(
    r"\bwhy (?:did|was \w+ \w+ed|has|had)\b|\breason\b.*\bfor (?:that|this)\b|\bwhat made\b"
)
_MEASURES = re.compile(
    r"\bhow (?:long|far|fast|tall|high|big|large|old|heavy|deep|wide|much)\b(?! (?:after|before|until|into))"
    r"|\b(?:distance|height|length|duration|size|speed) (?:of|travel|cover|between)"
)
_SIZES = listed("how distance height length duration size speed")
_WHERE_TO = re.compile(r"\bwhere\b.*\b(?:do|does|did|will)\b|\b(?:to|from) which\b")
_STILL = listed(
    "road path street lane trail crack scratch stripe fence wall staircase ladder bridge crease seam scar slope "
    "river shore coast tower pipe"
)
_SHAPE = re.compile(
    rf"\b(?:does|do|did) (?:the|this|that|these|those|a|an) (?:\w+ ){{0,2}}?(?:{'|'.join(sorted(_STILL))})"
    r"(?: (?:in|on|of|at|ahead|behind|beside|along|across|under|near|to|from|between)\b.*)? "
    r"(?:curve|bend|turn|lean|slope|slant|point|lead|run|follow|fork|tilt|wind)\b"
)
"""a question about the shape of what does not move: "which way does the road bend?" """
_ASKS_PLACE = re.compile(
    r"\b(?:which|what|whose) (?:\w+ ){0,3}"
    r"(?:hand|foot|leg|arm|eye|ear|knee|wrist|shoulder|side|corner|lane|half)\b"
)
_PLACES = listed("hand foot leg arm eye ear knee wrist shoulder side corner lane half")
_TO_SIDE = re.compile(
    r"\b(?:to|toward|from) (?:the )?(?:\w+[ -])?(?:left|right|top|bottom|upper|lower|side|corner|edge)\b"
)
_BACK_TO_START = re.compile(
    r"(?:then )?(?:comes |goes |returns |moves |is )?back"
    r"(?: again|(?: to)? where\b.*| to (?:the|its|his|her|their) start.*)?\Z"
)
_CORNER = re.compile(r"(?:diagonally )?(?:top|bottom|upper|lower)-(?:left|right)")
"""a place, but a way where a direction is asked for"""
_ACROSS = re.compile(r"\bfrom (?:left|right|top|bottom|front|back) to\b|(?<!far )\baway\b")
_ASKING = frozenset(("which", "what", "whose", "both"))
_TOGETHER = re.compile(r"\bsame (?:time|moment|speed)\b|\bsimultaneous|\bequally\b")
_HAPPENINGS = listed("events event actions action scenes steps")
_HAPPENS = (known.UNDONE | known.MOTION) - forms("go:went,gone")
_DOES = re.compile(r"\b(?:do|does|did)\b|\bin which (?!order|sequence)")
_BEING = listed("is are was were")
_IS_BROKEN = re.compile(
    r"\b(?:is|are|was|were|looks?) (?:already )?(?:broken|cracked|shattered|burst|dead)\b"
    r"(?! (?:by|with|into|off|up|down|open|when|after)\b)"
)
_WHO = frozenset(("who", "which"))
_UP_DOWN = frozenset(("up", "down"))
_INTO = frozenset(("into", "onto", "toward"))
_EVENTS = known.UNDONE | known.MOTION | known.POSTURES | _INTO | known.OBJECTS_FOLLOW
_WAYS = known.PATH | known.SIDES | known.COMPASS | {"north", "south", "vertically"}
_DIRECTION = listed("direction way")
_COURSE = listed("direction way movement movements motion motions trajectory path rotation rotations")

_NOTHING_HAPPENS = Verdict(False, "nothing that happens in time is asked for", 0.85)


class _Kinds:
    """What a question is after, as far as its words say. words: without those that only seem to speak of order."""

    __slots__ = ("about_all", "arranges", "asked", "counts", "is_state", "measures", "order", "words")

    def __init__(self, asked: Asked) -> None:
        self.asked, words = asked, asked.words
        if has(words, known.ORDER) and has(words, _SENSES):
            words = words_of(_NO_ORDER.sub(" ", asked.text))
        # What "appears in the video" is only shown there; "appearing" in an answer is a change.
        if "appear" in asked.text:
            words = [word for word in words if not word.startswith("appear")]
        if has(words, known.ASKED_ORDER) and _is_row(asked.text, words):
            words = [word for word in words_of(IN_A_ROW.sub(" ", asked.text)) if word not in known.ORDER]
        self.words = words
        self.arranges = has(words, known.ASKED_ORDER) or ("arrangement" in words and has(words, _HAPPENINGS))
        self.order = has(words, known.ORDER) and not self.arranges
        self.about_all = has(words, known.ABOUT_ALL)
        self.measures = has(words, _SIZES) and _MEASURES.search(asked.text) is not None
        self.counts = "how many" in asked.text or "number of" in asked.text or "how often" in asked.text
        self.is_state = has(words[:1], _BEING) and not any(word.endswith("ing") for word in words)

    @property
    def moves(self) -> bool:
        """Whether a motion, or where it leads, is asked for."""
        words = self.words
        if not (has(words, _COURSE) or _is_moving(words)):
            return False
        faces = has(words, known.SEEN_FACING) and not has(words, known.MOTION)
        return not (faces or (has(words, _PLACES) and _ASKS_PLACE.search(self.asked.text)))


def _is_row(text: str, words: Sequence[str]) -> bool:
    """Return whether an order that is asked for is one of things in space: how mugs stand "from left to right".

    Where something happens to them it is one in time. "Going from left to right" only reads the row.
    """
    if IN_A_ROW.search(text) is None or has(words, _HAPPENS):
        return False
    return has(words, known.POSTURES) or _DOES.search(text) is None


def reversal_test(
    asked: Asked, *, counts: bool = True, objects: bool = True, causes: bool = True, windows_cut: bool = True
) -> Verdict:
    """Return whether playing backwards changes the answer. The settings are those of `rules.Conventions`."""
    if asked.has_window and not windows_cut:
        return Verdict(True, "the part that is asked about lies elsewhere", 0.8)
    if has(asked.words, _STILL) and _SHAPE.search(asked.text):
        return Verdict(False, "the shape of what does not move is asked for", 0.85)
    kinds = _Kinds(asked)
    return (
        _same_both_ways(asked, kinds)
        or _mapped(asked, kinds)
        or _framed(asked, kinds, causes=causes)
        or _happening(asked, kinds, counts=counts, objects=objects)
        or _NOTHING_HAPPENS
    )


def undone(words: Sequence[str]) -> bool:
    """Return whether words tell of something that playing backwards turns into something else.

    >>> undone(words_of("walks out of the room")), undone(words_of("walks on a treadmill"))
    (True, False)
    """
    return has(words, _EVENTS) and any(
        word in _EVENTS and _is_undone(words, place) for place, word in enumerate(words)
    )


def _is_moving(words: Sequence[str]) -> bool:
    return has(words, known.MOTION) and any(
        word in known.MOTION and not _is_noun(words, place) for place, word in enumerate(words)
    )


def _is_undone(words: Sequence[str], place: int) -> bool:
    word = words[place]
    if word in known.OBJECTS_FOLLOW:
        before, behind = words[max(0, place - 1) : place], words[place + 1 : place + 2]
        return has(behind, known.OWNERS) and not has(before, known.BEFORE_SIDES | _ASKING)
    if word in known.UNDONE:
        return not _is_noun(words, place) and not _is_idiom(words, place)
    if word in known.MOTION:
        return _has_path(words, place)
    if word in known.POSTURES:
        return has(words[place + 1 : place + 3], _UP_DOWN)
    return word in _INTO and not has(words[max(0, place - 4) : place], known.GOES_ON | known.SEEN_FACING)


def _is_noun(words: Sequence[str], place: int) -> bool:
    return place > 0 and words[place - 1] in known.BEFORE_NOUNS


def _is_idiom(words: Sequence[str], place: int) -> bool:
    others = known.IDIOMS.get(words[place])
    return others is not None and has(words[place + 1 : place + 4], others)


def _has_path(words: Sequence[str], place: int) -> bool:
    """Return whether the motion at a place goes somewhere: "walks out", "turn left", "a left turn"."""
    verb, behind = words[place], words[place + 1 : place + 5]
    beside = [*words[max(0, place - 1) : place], *behind[:2]]
    if verb not in known.SEEN_FACING and (
        has(beside, known.SIDES) or ("direction" in behind and has(behind, known.ROTATIONS))
    ):
        return True
    if _is_noun(words, place):
        return False
    if behind and verb in known.PARTICLES.get(behind[0], ()):
        return True
    return any(
        word in known.PATH and not (ahead and behind[ahead - 1] in known.BEFORE_NOUNS)
        for ahead, word in enumerate(behind)
    )


def _same_both_ways(asked: Asked, kinds: _Kinds) -> Verdict | None:
    """Return that an answer which is the same both ways stays, unless the question asks what comes when."""
    if asked.claim is not None and _TOGETHER.search(asked.text):
        return Verdict(False, "what happens together does so both ways", 0.9)
    if has(kinds.words, known.WHY):
        return None
    several = len(asked.answer_words) > 1
    same = has(asked.answer_words, _SAME_WORDS) or (several and _says_same(asked))
    if not same and not has(asked.answer_words[:2], _NOTHING):
        return None
    if kinds.order and not _SAME_WHENEVER.search(asked.answer_text):
        return None
    return Verdict(False, "the answer is the same both ways", 0.96 if same else 0.8)


def _says_same(asked: Asked) -> bool:
    may_be = has(asked.answer_words, _SAME_SENSES) or "n't" in asked.answer_text
    return may_be and _SAME.search(asked.answer_text) is not None


def _mapped(asked: Asked, kinds: _Kinds) -> Verdict | None:
    """Return what the reversal map makes of the right answer; None where the map does not know it."""
    if not (kinds.arranges or _tells_motion(asked, kinds)):
        return None
    is_whole = kinds.arranges or not kinds.order
    if is_whole and _there_and_back(asked.answer_text):
        return Verdict(False, "played backwards the answer's steps are the same", 0.95)
    other = None if asked.gold is None else other_option(asked.options, asked.gold, TextMap.REVERSE)
    if other is not None and (kinds.arranges or not names_what_changes(asked.text, TextMap.REVERSE)):
        return Verdict(True, "the answer played backwards is another option", 0.99, other)
    if other is not None:
        return Verdict(
            True, "the answer played backwards is another option, and the question names a moment", 0.95
        )
    if (image := reverse(asked.answer)) is None:
        return None
    if not say_the_same(asked.answer, image) or (kinds.moves and _leads_to_side(asked)):
        return Verdict(True, "the answer tells what playing backwards undoes", 0.93)
    if is_whole and len(steps(asked.answer)) > 1:
        return Verdict(False, "played backwards the answer's steps are the same", 0.97)
    return None


def _leads_to_side(asked: Asked) -> bool:
    """Return whether the right answer to a question about a motion says to which side it leads."""
    if _TO_SIDE.search(asked.answer_text):
        return True
    return has(asked.words, _DIRECTION) and _CORNER.fullmatch(asked.answer_text) is not None


def _there_and_back(text: str) -> bool:
    """Return whether a text tells of something and of what undoes it: "opens and closes", "down and up again"."""
    one, joint, other = text.partition(" and ")
    if not joint:
        return False
    if _BACK_TO_START.match(other) and has(words_of(one), _WAYS):
        return True
    there, back = one.split()[-1:], other.removeprefix("then ").removeprefix("back ").split()[:1]
    return there != back and bool(back) and reverse(" ".join(there)) == " ".join(back)


def _tells_motion(asked: Asked, kinds: _Kinds) -> bool:
    """Return whether the right answer tells a motion or change, and no place, state or comparison."""
    words = asked.answer_words
    if not words or asked.claim is not None or asked.quotes or kinds.measures or kinds.about_all:
        return False
    compares = has(words, _COMPARATIVES)
    changes = undone(words)
    if compares and not changes and not has(words, known.GETTING):
        asks_change = has(kinds.words, known.GETTING | known.CHANGE) or "happening" in kinds.words
        return asks_change and not has(kinds.words, known.COMPARED)
    if len(words) <= 2 and has(words, known.STATES) and (kinds.is_state or "state" in kinds.words):
        return False
    if "from" in words and has(words, known.ARRIVING):
        return True
    if changes or compares or "then" in words:
        return kinds.moves or _names_action(asked, kinds)
    return has(words, _WAYS) and kinds.moves


def _names_action(asked: Asked, kinds: _Kinds) -> bool:
    """Return whether the right answer stands for something that is done or happens, and not for who or what it is."""
    first = asked.answer_words[0]
    is_offered = " or " in asked.text and first in kinds.words
    completes = asked.question.rstrip().endswith(("...", "…", "__"))
    if is_offered or completes or first.endswith("ing"):
        return True
    return _CHANGES.search(asked.text) is not None or _ACTION.search(asked.text) is not None


def _framed(asked: Asked, kinds: _Kinds, *, causes: bool) -> Verdict | None:
    """Return what follows from the kind of question: order, moment, what comes next, cause, change."""
    text, words = asked.text, kinds.words
    if kinds.arranges:
        return Verdict(True, "the order of events is asked for", 0.93)
    if _asks_moment(asked, kinds):
        if _HALFWAY.search(asked.answer_text):
            return Verdict(False, "the middle of the time is the middle both ways", 0.85)
        return Verdict(True, "a moment is asked for", 0.92)
    if kinds.order and (not kinds.about_all or has(words, known.CLAUSES)):
        return Verdict(True, "the question says before or after what, first or last", 0.9)
    if causes and has(words, known.PREDICTION) and _PREDICTS.search(text):
        return Verdict(True, "what comes next or would come is asked for", 0.85)
    if causes and has(words, known.CAUSE) and _is_of_event(asked, words):
        return Verdict(True, "the cause or result of an event is asked for", 0.8)
    if (
        has(words, known.CHANGE)
        and _CHANGES.search(text)
        and not kinds.counts
        and "climate change" not in text
    ):
        return Verdict(True, "a change is asked for", 0.85)
    return None


def _asks_moment(asked: Asked, kinds: _Kinds) -> bool:
    named = has(kinds.words, _MOMENTS) and _MOMENT.search(asked.text) is not None
    told = not (named or kinds.measures) and _TIME.match(asked.answer_text) is not None
    return (named or told) and _CLOCK.search(asked.text) is None


def _is_of_event(asked: Asked, words: Sequence[str]) -> bool:
    """Return whether a cause or reason that is asked for is that of an event, and not of a state or an opinion."""
    if has(words, known.MENTAL):
        return False
    if has(words, known.WHY):
        happens = undone(words) or has(words, known.BREAKING)
        return happens or _WHY_EVENT.search(asked.text) is not None
    return not has(words, known.EFFECT) or undone(words)


def _happening(asked: Asked, kinds: _Kinds, *, counts: bool, objects: bool) -> Verdict | None:
    """Return what follows from what happens in the question or, where it asks what happens, in the answer."""
    if kinds.about_all or kinds.measures:
        return None
    happens = _is_event(asked, kinds)
    if kinds.counts:
        if happens and counts:
            return Verdict(True, "what is counted goes one way", 0.85)
        return Verdict(False, "a number that is the same both ways", 0.9)
    if happens and (objects or asked.claim is not None):
        return Verdict(True, "what the question tells is undone", 0.6 if asked.claim is False else 0.85)
    if has(kinds.words, known.MOTION) and _WHERE_TO.search(asked.text):
        return Verdict(True, "where a motion leads is asked for", 0.8)
    answer = asked.answer_words
    changes = undone(answer) or (has(answer, known.GETTING) and has(answer, _COMPARATIVES))
    if changes and not asked.quotes and (answer[0].endswith("ing") or _ACTION.search(asked.text)):
        return Verdict(True, "what happens is undone", 0.85)
    return None


def _is_event(asked: Asked, kinds: _Kinds) -> bool:
    """Return whether the question itself tells of what playing backwards undoes."""
    words, is_claim = kinds.words, asked.claim is not None
    if kinds.is_state and has(words, known.STATES):
        return False
    if undone(words) or ((is_claim or has(words, _COURSE)) and _ACROSS.search(asked.text)):
        return True
    if has(words, known.BREAKING) and (is_claim or has(words[:1], _WHO)):
        return _IS_BROKEN.search(asked.text) is None
    return is_claim and has(words, known.GETTING) and has(words, _COMPARATIVES)
