"""Would the answer change if the video were played backwards? The reversal test (CRPO, section 3).

In this order: an answer that is the same both ways ("no change", "back and forth"); the reversal map on the right
answer; what the question is after (order, moment, cause, what comes next, change); and what happens, which is undone
where a verb says so ("puts down"), or a motion with its path ("walks out of").
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from retroflip.data.text_maps import (
    TextMap,
    names_what_changes,
    other_option,
    reverse,
    say_the_same,
    spelt,
    steps,
)
from retroflip.router import opposites
from retroflip.router import vocabulary as known
from retroflip.router.reading import IN_A_ROW, Asked, Verdict, words_of
from retroflip.router.vocabulary import forms, has, listed

_SAME_WORDS = listed(
    "unchanged unchanging unaffected throughout constant constantly steady stationary motionless still static "
    "hovering hovers equal equally simultaneous simultaneously idle inert uniform uniformly stable immobile "
    "immovable unmoving unmoved unaltered identical alike consistently consistent persistently standstill nowhere "
    "motionlessly alternately"
) | forms("remain stay flicker oscillate vibrate alternate wobble pulsate")
_SAME = re.compile(
    r"\b(?:no|any) (?:\w+ )?(?:changes?|movement|motion|rotation)\b|\bat once\b|\bnot at all\b|\baround in\b"
    r"|\bsame (?:time|moment|speed|size|pace|way|colou?r|position|place)\b|\b(?:entire|whole) (?:video|clip|time)\b"
    r"|\bbetween (?:the )?(?:left|right|top|bottom|two|both)\b|\bback and forth\b|\bto and fro\b|\bside to side\b"
    r"|\bup and down\b|\bin place\b|\bin (?:a )?circles?\b"
    r"|\b(?:keep|hold|retain|maintain)(?:s|ing)? (?:its|his|her|their|the same|a constant|still|steady)\b"
    r"|\b(?:all along|the whole way|as before|on the spot|in both directions|either way)\b"
    r"|\b(?:round and round|in and out|on and off|to and from|stands? (?:still|where))\b|\bboth\b.*\b(?:time|"
    r"once|together|speed)\b|(?:\b(?:not|never|nothing|nobody|neither|none)|n't)\b(?: \w+){0,2} "
    r"(?:chang|mov|turn|rotat|spin|fall|happen|open|clos|stop)"
)
_SAME_SENSES = listed(
    "no any once all around same entire whole between back fro side and place circle circles keep keeps keeping both "
    "not never nothing nobody neither none holds hold holding retains retain maintains maintain maintaining before "
    "spot round either off stand stands"
)
"""words of which one is in each of these, but for "n't" """
_SAME_WHENEVER = re.compile(
    r"\bsame time\b|\bsimultaneous|\bthroughout\b|\b(?:entire|whole)\b|\bno change|\bnot change|\bat once\b|"
    r"\Anothing\Z|\bunchanged|\bboth\b.*\btogether\b"
)
"""what is the same both ways even of a first or last thing"""
_NOTHING = listed("nothing none neither nobody")
_IN_FRONT = re.compile(
    r"\bbefore (?:the|an?|his|her|its|their|this|that) (?:\w+ )?(?:judges?|jury|court|altar|counter|king|"
    r"queen|emperor|throne|mirror|"
    r"audience|camera|crowd|shrine|desk|class|board|blackboard|whiteboard|microphone|statue|priest|bishop|"
    r"committee|panel|"
    r"parliament|senate|easel|fireplace|hearth|screen|window|gates?|house|church|temple|painting|fire|stove|"
    r"table|piano|cross|tomb|grave|monument|palace|castle|door|wall|map|goal|cameras|bench|podium|lectern|orchestra|"
    r"choir|congregation|"
    r"spectators|troops|army|mountains?|entrance|fountain|flag|net)\b(?! (?:is|was|are|were|has|had|\w+s|"
    r"\w+ed|\w+ing|came|went|rose|fell|shut|began|broke|rang|stood|sat|left)\b)"
)
"""before somebody or something, and not sooner: only where the question tells a posture or a place"""
_POSTURE = forms(
    "sit:sat stand:stood lie:lay,lain kneel:knelt bow lean pose place put:put rest hang:hung wait be"
) | listed("is are was were standing seated lined")
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
)
"""where a word of order orders nothing in time"""
_END_OF = re.compile(
    r"\bends? of (?:the|a|an|his|her|its|their) (?:\w+ )?(?:table|street|road|hall|room|corridor|rope|bench|bed|sofa|"
    r"couch|shelf|bar|counter|platform|pier|jetty|bridge|pool|lane|aisle|court|pitch|field|stick|branch|queue|row|"
    r"tunnel|alley|desk|garden|beach|ship|boat|seesaw|leash|chain|pole|rod|tail|plank|beam|log|ladder|string|hose|"
    r"tube|pipe|net)\b|\b(?:far|near|left|right|upper|lower|top|bottom|deep|shallow|either|front|back|rear|pointed|"
    r"blunt|thick|thin)(?:-hand)? ends?\b|\bend (?:seat|house|wall|panel|cap|piece|result)s?\b"
)
_STARTING = re.compile(
    r"\b(?:start|starting|finish|finishing) (?:blocks?|positions?|gates?|grid|lines?|points?|posts?|pistol|tape|"
    r"stalls?|button|menu|box|ramp)\b|\b(?:start|begin|end)s? with (?:the |an? )?(?:letter|vowel|consonant|digit)\b"
)
_STAGE = re.compile(
    r"\bprogress (?:bar|ring|wheel)\b|\bon (?:the|a) (?:\w+ )?step\b"
    r"|\b(?:the|on|off|centre|center|a|main|concert|theatre|theater|'s) stage\b(?! of)"
)
_ORDINAL_OF_PLACE = re.compile(
    r"\b(?:in|on|at|from|behind|under|of|above|near|beside) the (?:very )?"
    r"(?:first|second|third|fourth|fifth|sixth|last) "
    r"(?:row|column|floor|shelf|lane|seat|bench|carriage|coach|wagon|rung|pew|desk|locker|hook|drawer|slot|"
    r"house|window|"
    r"pillar|pole|tier|layer|deck|rack|stall|square|panel|tile|chair|table|page|line|place|tree|door|car|bus|string|"
    r"finger|toe|button)\b|\b(?:third|quarter|fifth|fourth|tenth)s? of\b|\bnext(?:-| )door\b"
)
_ONCE = re.compile(
    r"\b(?:more than|only|just|at least|exactly|not|at) once\b|\bonce again\b"
    r"|\bimmediately (?:to|left|right|behind|beside|next|above|below|in front|on|under|adjacent)\b"
    r"|\b(?:sit|stand|li?e|lay|rest|perch|place|paint|seat|lean|mount)\w* upon\b"
    r"|\bopenings? (?:in|of|between) (?:the|a) (?:wall|fence|roof|floor|ceiling|cave|hedge|lid|box|tent)\b"
)
_MORE_SENSES = (
    (frozenset(("end", "ends")), _END_OF),
    (listed("start starting finish finishing starts begin begins end ends"), _STARTING),
    (listed("stage step progress"), _STAGE),
    (listed("first second third fourth fifth sixth last next tenth"), _ORDINAL_OF_PLACE),
    (listed("once immediately upon opening"), _ONCE),
)
"""more of these, each tried where one of its words is"""
_ALL_SENSES = frozenset({"before"}.union(*(senses for senses, _ in _MORE_SENSES)))
_SENSES = listed(
    "following first first-person last second third fourth fifth sixth next end ends start starting order opening "
    "closing look looks looking looked named take takes taking long seconds row step floor storey grade"
)
"""words of which one is in each of these"""
_SEATS = r"(?:seat|chair|place|spot|table|space|bench|stool|bay|berth|pew|desk|bed|room|hook|slot|lane|locker)(?:e?s)?"
_HELD = (
    r"(?:stacked|folded|tied|attached|hung|covered|wrapped|packed|spread|plugged|hidden|connected|fastened|separated|"
    r"gathered|piled|crumpled|frozen|pinned|glued|buttoned|laced|parked|lined|built|docked|moored|locked|"
    r"mounted|placed|laid|set|located|positioned|arranged|extended|chained|tethered|tucked)"
)
_AT = (
    r"(?:on|in|at|over|under|with|around|against|behind|beside|next|between|to|along|inside|near|above|below)"
)
_TAKEN = re.compile(
    rf"\b{_SEATS}\b(?: \w+){{0,5}} taken\b(?! (?:by|away|out|off|down|up|from))"
    rf"|\b(?:is|are) (?:\w+ ){{0,3}}{_SEATS} (?:already |still )?taken\b"
)
_CLOSE = re.compile(
    r"\b(?:how|so|very|too|quite|really|as|pretty) close\b"
    r"|\bclose (?:to|by|together|enough|behind|beside|friends?|range)\b|\bclose-?ups?\b"
    r"|\b(?:is|are|was|were|stands?|standing|sits?|sitting|lies?|lying) close\b"
)
_HANGS = re.compile(
    r"\b(?:hanging|hangs?|hung) (?:on|from|over|above|in|at|behind|next|around|between|beside|below|under|to)\b"
)
_IS_HELD_AT = re.compile(
    rf"\b(?:is|are|was|were) (?:(?:the|an?|his|her|its|their|this|that|these) (?:\w+ ){{1,3}}|\w+ly )?{_HELD} "
    rf"(?:up |out )?{_AT}\b(?! (?:the )?end\b)"
)
_STAYS = re.compile(
    r"\b(?:stay|remain|keep)(?:s|ed|ing)? (?:\w+ly )?"
    r"(?:open|closed|shut|on|off|up|down|full|empty|lit|locked|raised|folded|away|out|in)\b"
)
_IS_OPEN = re.compile(
    r"\b(?:is|are) (?:\w+ly |still |already |half |wide )?(?:open|closed|shut)\b"
    r"(?! (?:by|up|for|with|when|after|before)\b)"
)
_IS_TURNED = re.compile(
    r"\b(?:head|face|back|body|torso|eyes|gaze|chair|seat|screen|lamp|palms?) (?:is |are )?turned\b"
)
_TAKES_PLACE = re.compile(
    r"\b(?:take|takes|took|taking|taken) (?:place|part|turns|care|time)\b|\b(?:in|out of|which|what) place\b"
)
_INSTRUCTS = re.compile(
    r"\A\W*(?:please )?\w+(?: out| in)?(?= (?:\w+ ){0,3}(?:options?|answers?|sentences?|statements?|descriptions?|"
    r"captions?|phrases?|words?|choices?|correct|right one|best|which|what|how|who|where|whether|gaps?|blanks?)\b)"
)
_NO_EVENT = (
    (frozenset(("taken",)), _TAKEN),
    (listed("close close-up close-ups closeup"), _CLOSE),
    (listed("hanging hangs hang hung"), _HANGS),
    (frozenset(re.findall(r"\w{3,}", _HELD)), _IS_HELD_AT),
    (forms("stay remain keep"), _STAYS),
    (listed("open closed shut"), _IS_OPEN),
    (frozenset(("turned",)), _IS_TURNED),
    (listed("place part turns care time"), _TAKES_PLACE),
)
"""verbs that tell of no event, by their words: a seat that is taken, a coat hanging on the wall, what stays open"""
_EVENT_SENSES = frozenset[str]().union(*(senses for senses, _ in _NO_EVENT))
_ORDERS = listed("pick choose select give tell name mark tick fill complete match put take find please")
"""first words of "pick the sentence that fits" """
_MOMENT = re.compile(
    r"\A\W*when\b|\b(?:when|at (?:what|which) point) (?:do|does|did|is|are|was|were|can|will|in the video)\b"
    r"|\b(?:what|which) (?:exact )?(?:time|moment|point|second|minute|timestamps?|part|segment|portion|"
    r"period|interval|frame|phase)\b(?! of the (?:body|face|car|house|clock|day))"
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
    "colder louder quieter nearer closer farther further taller shorter stronger weaker heavier lighter fuller "
    "emptier redder older younger blurrier clearer hotter cooler deeper longer less more"
)
_PREDICTS = re.compile(
    r"\b(?:will|would)\b(?! (?:you|best|describe|say|it be)\b)|\bgoing to\b|\bpredict|\bwithout the\b|"
    r"\bnext\b(?! to\b)"
    r"|\bif\b.*\b(?:removed|were|had|was|not)\b|\blikely (?:to )?(?:happen|do|outcome|result)|\babout to\b"
    r"|\b(?:able|possible) to (?:do|be)\b"
)
_CHANGES = re.compile(
    r"\b(?:chang(?:e|es|ed|ing)|becom(?:e|es|ing)|became|transform\w*|transition\w*|develop(?:s|ed)?|"
    r"evolv\w+|morph\w*|alter(?:s|ed|ing)?|progress\w*)\b|\bturn(?:s|ed|ing)? (?:into|to)\b"
)
_IS_HELD = re.compile(
    rf"\bwhy (?:is|are) (?!.*\w(?:ing|ed) by\b).*\b(?:{_HELD}|closed|shut|open|blocked|broken|lit|"
    rf"cordoned off|full|empty|raised|"
    r"lowered|bent|torn|taped|boarded up|switched off|turned off|turned on|switched on|missing|leaning .*)\W*\Z"
)
"""a reason of what only is so"""
_DEPICTED = re.compile(
    r"\b(?:in|of) (?:the|this|that|a) (?:\w+ )?(?:painting|photo|photograph|poster|mural|fresco|mosaic|"
    r"drawing|logo|tapestry|"
    r"relief|postcard|engraving|sculpture|emblem|print|sketch)\b|\bon (?:the|this|that|a) (?:\w+ )?(?:stamp|"
    r"coin|logo|emblem|badge|coat of arms|medal|banknote|crest)\b"
)
"""what moves in a picture of a picture stays where it is"""
_PICTURES = listed(
    "painting photo photograph poster mural fresco mosaic drawing logo tapestry relief postcard engraving sculpture "
    "emblem print sketch stamp coin badge arms medal banknote crest"
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
    "river shore coast tower pipe sash belt strap ribbon zipper zip"
    " helix vine spiral stairs shell braid curtain rope cable wire vein "
    "thread statue sign arrow building tree valley ridge corridor railway tracks"
)
_SHAPE = re.compile(
    rf"\b(?:does|do|did) (?:the|this|that|these|those|a|an) (?:\w+ ){{0,2}}?(?:{'|'.join(sorted(_STILL))})"
    r"(?: (?:in|on|of|at|ahead|behind|beside|along|across|under|near|to|from|between)\b.*)? "
    r"(?:curve|bend|turn|lean|slope|slant|point|lead|run|follow|fork|tilt|wind)\b"
)
"""a question about the shape of what does not move: "which way does the road bend?" """
_ASKS_PLACE = re.compile(
    r"(?<!\bto )(?<!\btoward )(?<!\binto )(?<!\bfor )\b(?:which|what|whose) (?:\w+ ){0,3}"
    r"(?:hand|foot|leg|arm|eye|ear|knee|wrist|shoulder|side|corner|lane|half)\b"
)
_COUNTING = re.compile(
    r"\b(?:count\w*|number\w*|seen|going|looking|reading|read|starting|viewed|beginning) (?:\w+ )?(?:from|at|"
    r"on) (?:the |your )?(?:far )?"
    r"(?:left|right|top|bottom|front|back|near|door|window|entrance)\b|\bcount\w* (?:counter)?clockwise\b"
)
_ORDINAL_WORDS = listed("first second third fourth fifth sixth last next")
_ORDINALS = re.compile(r"\b(?:first|second|third|fourth|fifth|sixth|last|next)\b")
_PLACES = listed("hand foot leg arm eye ear knee wrist shoulder side corner lane half")
_REMEMBERED = 256
"""options whose actions are"""
_SHORT = 5
"""words of a step that names no other thing than the step before it"""
_NAMING = listed("the a an his her their its my another one")
_TO_SIDE = re.compile(
    r"\b(?:to|toward|from) (?:the )?(?:\w+[ -])?(?:left|right|top|bottom|upper|lower|side|corner|edge)\b"
)
_BACK_TO_START = re.compile(
    r"(?:then )?(?:comes |goes |returns |moves |is )?back"
    r"(?: again|(?: to)? where\b.*| to (?:the|its|his|her|their) start.*)?\Z"
)
_RETURNS = re.compile(
    r"(?:.*\bfrom )?(?P<start>\S.*?) (?:in)?to \S.*?,? (?:(?:and )?(?:then )?(?:in)?to (?P=start)(?: again)?"
    r"|(?:and |then |and then )?(?:all the way )?back(?: again| (?:in)?to (?:the )?(?:start|(?P=start)))?(?: again)?)"
)
"""a way that ends where it began: "from clear to pink and back to clear" """
_CORNER = re.compile(r"(?:diagonally )?(?:top|bottom|upper|lower)-(?:left|right)")
"""a place, but a way where a direction is asked for"""
_ACROSS = re.compile(r"\bfrom (?:left|right|top|bottom|front|back) to\b|(?<!far )\baway\b")
_ASKING = frozenset(("which", "what", "whose", "both"))
_IS_ALREADY = re.compile(
    r"\A\W*(?:how|in (?:which|what)) (?:\w+ )?(?:is|are|was|were) (?!.*ing\b)|\bcondition\b"
)
_TOGETHER = re.compile(r"\bsame (?:time|moment|speed)\b|\bsimultaneous|\bequally\b")
_HAPPENINGS = listed("events event actions action scenes steps")
_HAPPENS = (known.UNDONE | known.MOTION) - forms("go:went,gone")
_DOES = re.compile(r"\b(?:do|does|did)\b|\bin which (?!order|sequence)")
_DO = listed("do does did")
_BEING = listed("is are was were")
_IS_BROKEN = re.compile(
    r"\b(?:is|are|was|were|looks?) (?:already )?(?:broken|cracked|shattered|burst|dead)\b"
    r"(?! (?:by|with|into|off|up|down|open|when|after)\b)"
)
_WHO = frozenset(("who", "which"))
_UP_DOWN = frozenset(("up", "down"))
_INTO = frozenset(("into", "onto", "toward"))
_RIGHT_BEHIND = (known.PATH | known.SIDES) - {"to", "from"}
_EVENTS = known.UNDONE | known.MOTION | known.NOUNS_TOO | known.POSTURES | _INTO | known.OBJECTS_FOLLOW
_WAYS = known.PATH | known.SIDES | known.COMPASS | {"north", "south", "vertically"}
_DIRECTION = listed("direction way diagonal heading course")
_COURSE = listed(
    "direction way directions movement movements motion motions trajectory path rotation rotations diagonal "
    "diagonally sideways heading headed bound course route flight"
)
_EITHER_WAY = re.compile(
    r"\A\W*(?:\w+,? ){0,6}(?:do|does|did|is|are|was|were|will) .*"
    r"\b(?:up(?:ward)? or down|down(?:ward)? or up|in or out|out or in|inward or outward|outward or inward|"
    r"forward or back|back(?:ward)? or forward|toward or away|away or toward)"
)
_ARRANGED = re.compile(
    r"\barrang|\blaid out\b|\border|\bnumber|\bnumeral|\bsea?t|\bsit|\bstair|\bspiral|\bshell|\bthread|"
    r"\bwind|\bcoiled|\bdraw|"
    r"\bpainted|\bprinted|\blogo|\barrow|\bsymbol|\bswirl|\bpattern|\bcarv|\bcurl|\bvine|\btendril|"
    r"\bhorns?\b|\btwist|\blettering|\bpoint|\bletter|\bsign\b|\bicon|\brun\b|\bplaced|\bpositioned|\bface"
)
"""what only lies clockwise, and does not turn"""
_SEEN_SHAPE = re.compile(r"[bdpq]|[^\w\s←→↑↓↖↗↘↙]{1,2}|(?:back|forward )?slash")
"""a right answer that is a shape seen in the picture"""

_NOTHING_HAPPENS = Verdict(False, "nothing that happens in time is asked for", 0.85)


class _Kinds:
    """What a question is after, as far as its words say. words: without those that only seem to speak of order."""

    __slots__ = ("about_all", "arranges", "asked", "counts", "is_state", "measures", "order", "words")

    def __init__(self, asked: Asked) -> None:
        self.asked, words = asked, asked.words
        text = asked.text
        if has(words, _EVENT_SENSES):
            text = _without_states(text, words)
        if has(words[:1], _ORDERS):
            text = _INSTRUCTS.sub(" ", text)
        if has(words, known.ORDER):
            text = _without_places(text, words)
        if text is not asked.text:
            words = words_of(text)
        # What "appears in the video" is only shown there; "appearing" in an answer is a change.
        if "appear" in asked.text:
            words = [word for word in words if not word.startswith("appear")]
        if has(words, known.ASKED_ORDER) and _is_row(asked.text, words):
            words = [word for word in words_of(IN_A_ROW.sub(" ", asked.text)) if word not in known.ORDER]
        self.words = words
        self.arranges = has(words, known.ASKED_ORDER) or ("arrangement" in words and has(words, _HAPPENINGS))
        self.order = has(words, known.ORDER) and not self.arranges
        self.about_all = has(words, known.ABOUT_ALL)
        self.measures = (
            has(words, _SIZES) and _MEASURES.search(asked.text) is not None and "change" not in words
        )
        self.counts = "how many" in asked.text or "number of" in asked.text or "how often" in asked.text
        self.is_state = has(words[:1], _BEING) and not any(word.endswith("ing") for word in words)

    @property
    def moves(self) -> bool:
        """Whether a motion, or where it leads, is asked for."""
        words = self.words
        if not (has(words, _COURSE) or _is_moving(words) or self._goes_either_way):
            return False
        faces = has(words, known.SEEN_FACING) and not has(words, known.MOTION)
        return not (faces or (has(words, _PLACES) and _ASKS_PLACE.search(self.asked.text)))

    @property
    def _goes_either_way(self) -> bool:
        """Whether two ways are offered of what need not be known as a motion: "does the timer count up or down?"."""
        return " or " in self.asked.text and _EITHER_WAY.search(self.asked.text) is not None


def _without_states(text: str, words: Sequence[str]) -> str:
    """Return a text without verbs that tell of no event."""
    for senses, pattern in _NO_EVENT:
        if has(words, senses):
            text = pattern.sub(" ", text)
    return text


def _without_places(text: str, words: Sequence[str]) -> str:
    """Return a text without the words of order that order nothing in time."""
    kept = _NO_ORDER.sub(" ", text) if has(words, _SENSES) else text
    if not has(words, _ALL_SENSES):
        return kept
    for senses, pattern in _MORE_SENSES:
        if has(words, senses):
            kept = pattern.sub(" ", kept)
    if "before" in words and has(words, _POSTURE):
        kept = _IN_FRONT.sub(" ", kept)
    counts = has(words, _ORDINAL_WORDS) and _COUNTING.search(text) is not None and not undone(words)
    return _ORDINALS.sub(" ", kept) if counts else kept


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
    if (
        len(asked.answer_words) <= 1
        and _SEEN_SHAPE.fullmatch(asked.answer_text)
        and not has(asked.words, known.ORDER)
    ):
        return Verdict(False, "a shape is seen both ways", 0.85)
    if has(asked.words, _STILL) and _SHAPE.search(asked.text):
        return Verdict(False, "the shape of what does not move is asked for", 0.85)
    kinds = _Kinds(asked)
    if has(asked.words, _PICTURES) and kinds.moves and not kinds.order and _DEPICTED.search(asked.text):
        return Verdict(False, "what moves in a picture stays where it is", 0.8)
    return (
        _same_both_ways(asked, kinds)
        or _mapped(asked, kinds)
        or _opposed(asked, kinds)
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
    if words and words[-1] in known.NOUNS_TOO and has(words, _DO):
        return True
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
    if word in known.NOUNS_TOO:
        return has(words[place + 1 : place + 2], _RIGHT_BEHIND) and not _is_noun(words, place)
    if word in known.POSTURES:
        return has(words[place + 1 : place + 3], _UP_DOWN)
    near = words if has(words[place + 1 : place + 2], _WHO) else words[max(0, place - 4) : place]
    return word in _INTO and not has(near, known.GOES_ON | known.SEEN_FACING)


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


def _opposed(asked: Asked, kinds: _Kinds) -> Verdict | None:
    """Return what follows where another option tells what undoes the right one's action; None where none does."""
    if asked.gold is None or asked.quotes or kinds.about_all or kinds.measures or kinds.counts:
        return None
    if has(kinds.words, known.WHY):
        return None
    own = opposites.told(asked.answer_words)
    if not own:
        return _neither(asked, kinds)
    others = (option for index, option in enumerate(asked.options) if index != asked.gold)
    if any(opposites.opposed(own, _acts(option)) for option in others):
        return (
            None
            if _is_state(asked, kinds)
            else Verdict(True, "another option undoes what the right one tells", 0.9)
        )
    return None


@lru_cache(maxsize=_REMEMBERED)
def _acts(option: str) -> frozenset[tuple[int, int]]:
    """Return the actions that an option tells."""
    return opposites.told(words_of(spelt(option)))


def _neither(asked: Asked, kinds: _Kinds) -> Verdict | None:
    """Return that what is neither of two that undo each other stays: "level", not "climbing" or "sinking"."""
    others = [option for index, option in enumerate(asked.options) if index != asked.gold]
    if len(others) != 2 or " or " not in asked.text or kinds.order or undone(asked.answer_words):
        return None
    if not opposites.opposed(*map(_acts, others)):
        return None
    offered = {word for option in others for word in words_of(spelt(option))}
    if undone([word for word in kinds.words if word not in offered]):
        return None
    return Verdict(False, "the answer is neither of two that undo each other", 0.85)


def _is_state(asked: Asked, kinds: _Kinds) -> bool:
    """Return whether a right answer that could be an action is a state: "closed", asked whether the door is open."""
    return (
        kinds.is_state
        or "state" in kinds.words
        or (len(asked.answer_words) <= 2 and _IS_ALREADY.search(asked.text) is not None)
    )


def _leads_to_side(asked: Asked) -> bool:
    """Return whether the right answer to a question about a motion says to which side it leads."""
    if len(steps(asked.answer)) > 1:
        return False
    if _TO_SIDE.search(asked.answer_text):
        return True
    return has(asked.words, _DIRECTION) and _CORNER.fullmatch(asked.answer_text) is not None


def _there_and_back(text: str) -> bool:
    """Return whether a text tells of something and of what undoes it: "opens and closes", "down and up again"."""
    told = steps(text)
    if (len(told) == 2 and _undoes(*told)) or _RETURNS.fullmatch(text):
        return True
    one, joint, other = text.partition(" and ")
    if not joint:
        return False
    if _undoes(one, other):
        return True
    if _BACK_TO_START.match(other) and has(words_of(one), _WAYS):
        return True
    there, back = one.split()[-1:], other.removeprefix("then ").removeprefix("back ").split()[:1]
    return there != back and bool(back) and reverse(" ".join(there)) == " ".join(back)


def _undoes(step: str, other: str) -> bool:
    """Return whether a step undoes another, of the same thing: "opens it" and "shuts it again"."""
    words, others = words_of(step), words_of(other)
    if len(others) > _SHORT or not opposites.opposed(opposites.told(words), opposites.told(others)):
        return False
    return len(others) == 1 or not has(others, _NAMING) or set(others) & set(words) >= set(others[-1:])


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
    if has(words, known.ROTATIONS) and kinds.asked.options and not _ARRANGED.search(asked.text):
        return True
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
    if has(words, known.WHY) and _IS_HELD.search(text):
        return Verdict(False, "the reason of what only is so is asked for", 0.75)
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
        happens = (
            undone(words) or has(words, known.BREAKING) or (has(words, _DO) and has(words, known.REACTIONS))
        )
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
