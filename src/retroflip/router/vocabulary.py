"""The words by which the rules of the Task Router read a question.

Verbs are given by their base, with a past form that is not regular behind a colon; `forms` makes the others.
"""

import re
from collections.abc import Iterable, Iterator

_VOWELS = "aeiou"
_BRITISH = re.compile(r".*[^aeiou][aeo]l")
"""verbs whose last sign is doubled in British English, and in American where it is stressed"""
_DOUBLING = re.compile(rf"[^{_VOWELS}]*[{_VOWELS}][^{_VOWELS}wxy]")


def listed(words: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(words.split())


def forms(verbs: str) -> frozenset[str]:
    """Return every form of verbs.

    >>> sorted(forms("put:put close"))
    ['close', 'closed', 'closes', 'closing', 'put', 'puts', 'putting']
    """
    return frozenset(form for verb in verbs.split() for form in _forms(*verb.partition(":")[::2]))


def _forms(base: str, past: str) -> Iterator[str]:
    stem = base + base[-1] if _DOUBLING.fullmatch(base.removeprefix("un")) else base.removesuffix("e")
    ends_in_y = base.endswith("y") and base[-2] not in _VOWELS
    yield base
    yield (
        f"{base[:-1]}ies"
        if ends_in_y
        else f"{base}{'es' if base.endswith(('s', 'sh', 'ch', 'x', 'o')) else 's'}"
    )
    yield f"{base[:-2]}ying" if base.endswith("ie") else f"{base if base.endswith('ee') else stem}ing"
    yield from past.split(",") if past else [f"{base[:-1]}ied" if ends_in_y else f"{stem}ed"]
    if not past and stem == base and _BRITISH.fullmatch(base):
        yield from (f"{base}ling", f"{base}led")


UNDONE = forms(
    "construct deconstruct erect dismantle reduce enlarge shorten lengthen widen gather scatter disperse combine "
    "open close shut:shut enter exit leave arrive depart approach recede drop fall:fell,fallen throw:threw,thrown "
    "catch:caught toss hurl pour fill give:gave,given receive deliver bring:brought insert remove attach detach plug "
    "unplug connect disconnect fold unfold zip unzip wrap unwrap tie untie unbutton cover uncover load unload pack "
    "unpack lift raise lower pick put:put place take:took,taken grab push pull inflate deflate tighten loosen "
    "assemble disassemble collapse grow:grew,grown shrink:shrank,shrunk expand appear disappear vanish emerge spill "
    "launch climb descend ascend rise:rose,risen melt freeze:froze,frozen thaw release squat:squatted stack unstack "
    "dive accelerate decelerate extend retract spread:spread dismount escape return deposit unlock screw unscrew "
    "hang:hung drain extinguish ignite score sink:sank,sunk demolish topple bloom wilt evaporate condense brighten "
    "darken dim fade increase decrease swallow eject dock undock hide:hid,hidden unveil reveal dissolve solidify "
    "crumple flatten wither revive sprout bud decay rot build:built merge split:split separate straighten stretch "
    "swap lay:laid pass ripen inhale exhale unroll uncork minimise minimize maximise maximize restore hoist submerge "
    "submerse resurface alight disembark embark germinate shrivel fasten unfasten unlace unbuckle unhook unpin "
    "unwind:unwound uncoil uncurl unfurl furl unclip unclasp unstrap unlatch unbolt unhitch unmount "
    "undo:undid,undone undress unbox uncap unseal unblock unclog unplait unbraid unravel untangle disentangle "
    "unthread unpick unknot unbind:unbound unclench unclamp unsaddle unharness unleash untether unchain uncouple "
    "decouple unmoor unstick:unstuck unscramble unspool unreel unearth exhume uproot unsheathe sheathe holster "
    "unmask unbar unload offload unmake:unmade unpeg unhand unglue unstaple untwist unbend:unbent unfreeze clench "
    "coil awaken wake:woke,woken deploy jettison hoist topple overturn capsize upend disgorge regurgitate spit:spat "
    "constrict dilate diverge converge defrost liquefy harden soften thicken sprout blossom retreat plummet hatch "
    "relinquish regain withdraw:withdrew,withdrawn evacuate vacate board:boarded don doff crest steepen "
    "rewind:rewound refill replenish deplete lessen diminish dwindle intensify multiply materialise materialize "
    "dematerialise dematerialize congeal crystallise crystallize vaporise vaporize"
) - listed("board boards don dons coil coils crest crests harness blossom blossoms sprouts") | listed(
    "forming pitched pitching docking mooring latching buckling lacing sealing"
)
"""what playing backwards turns into another action, so that it no longer happens (CRPO, appendix A.2, and its like)"""
BREAKING = forms("break:broke,broken burst:burst explode shatter crack die crash snap ignite")
"""what cannot be undone, and so no longer happens played backwards: this decides claims and who does it"""
MOTION = forms(
    "walk run:ran move go:went,gone come:came drive:drove,driven ride:rode,ridden fly:flew,flown swim:swam,swum roll "
    "slide:slid jump leap hop crawl step turn swing:swung bounce slip carry drag shove sail travel head march rush "
    "float drift bend:bent bow get:got blow:blew,blown reach lean switch set:set zoom pan tilt steer rotate "
    "spin:spun revolve shift scroll circle orbit glide sway stride stroll pivot crank navigate proceed row pedal "
    "stumble hurry gallop trot skate ski surf cycle track draw:drew,drawn tear:tore,torn reverse lead:led burn fade "
    "pop plunge tip light:lit flow stream squeeze curl dash race chase follow cross swerve veer sidle dart scurry "
    "amble wander lurch sprint scuttle scamper waddle toddle trudge tiptoe saunter strut shuffle limp hobble stagger "
    "totter plod trek hike jog bolt canter prance skid slither wriggle creep:crept wade paddle cruise taxi coast "
    "freewheel speed:sped whizz swoop soar flutter flit whirl twirl swivel pirouette circulate gyrate tumble "
    "somersault cartwheel flip yaw nudge jerk tug heave lug haul tow steer ferry transport usher escort dolly zigzag "
    "zigzagged zigzagging meander cascade gush trickle seep spurt ooze drip leak stampede swarm dodge sidestep lunge "
    "vault hurdle catapult lob putt kick shoot:shot dribble strut barge edge inch trundle rattle hurtle zoom whip "
    "migrate wheel waft twist migrate wander roam stray file sweep:swept brush wipe reel wind:wound migrate advance "
    "wag nod duck squirm fling:flung flick pour sprint skip truck crane boom pedestal elevate commute hitchhike "
    "ascend"
) - listed(
    "edge edges inch inches wheel wheels file files barge barges coast coasts bolt bolts duck ducks crane cranes "
    "boom booms trucks pedestal pedestals reel reels wind winds ferry taxi vault vaults brush brushes trek hurdle "
    "hurdles paddle paddles wiped wipe wipes wiping brushed brushing whip whips wade flip-flop swarm transport "
    "escort ferries skip shot shots leak leaks race races track tracks row rows set sets head heads"
)
"""how something moves; playing backwards undoes it only together with a path"""
NOUNS_TOO = forms(
    "race track row set:set head edge inch wheel file barge coast bolt duck crane boom truck pedestal reel "
    "wind:wound ferry taxi vault brush trek hurdle paddle whip swarm bank fan pump bus train ship trail file snake "
    "worm beam rocket"
)
"""nouns that are motions before a way, or where a question ends with them: "where does it head?" """
REACTIONS = forms(
    "cheer applaud laugh cry scream gasp faint celebrate flinch sneeze startle yell weep:wept shriek jeer whistle "
    "clap wince blush panic flee:fled"
)
"""what people do because of an event"""
OBJECTS_FOLLOW = forms("hand") | listed("left")
"""verbs only where an object follows: "hands the book", "left the room" """
ARRIVING = frozenset(("to", "into"))
POSTURES = forms("sit:sat stand:stood lie:lay,lain lean kneel:knelt crouch")
"""undone only where they are taken up: "sits down", but not "sits to the right" """
PATH = listed(
    "up down out off into onto away toward forward forwards backward backwards inside outside upstairs downstairs "
    "upward downward uphill downhill inward outward to from back past"
)
PARTICLES = {
    "in": forms("get:got come:came zoom fade plug go:went,gone step dolly push pull track crane climb hop"),
    "on": forms("turn switch get:got put:put climb hop"),
}
"""paths only right behind these verbs"""
GOES_ON = forms(
    "look stare gaze glance talk speak:spoke sing:sang shout listen read:read belong relate refer lead:led cut:cut "
    "chop slice break:broke,broken tear:tore,torn divide"
)
"""verbs behind which no path is meant: "looks into the camera", "cuts into pieces" """
SEEN_FACING = forms("face look stare gaze point glance lean")
IDIOMS = {
    form: frozenset(behind.split())
    for verb, behind in {
        "take:took,taken": "photo photos picture pictures selfie part care place notes turns shower bath "
        "break nap walk "
        "look breath rest video test exam bow",
        "give:gave,given": "speech talk presentation concert lecture thumbs hug massage performance interview lesson",
        "push": "ups",
        "pull": "ups",
        "hang:hung": "around",
        "fall:fell,fallen": "asleep",
        "catch:caught": "fire cold breath",
        "cover": "song songs topic topics",
        "pass": "time",
    }.items()
    for form in forms(verb)
}
"""verbs that mean something else with these words behind them"""
BEFORE_NOUNS = listed(
    "the a an his her its their my your this these those no each every another other one two three four five six "
    "many several some any more most left right front upper red blue green yellow white black whose"
)
STATES = listed("open opened close closed shut on off full empty lit")

ORDER = listed(
    "before after until prior previous previously subsequent subsequently afterwards afterward finally eventually "
    "initially originally lastly firstly earlier earliest later latest sooner soonest beginning begin begins began "
    "begun start starts started starting end ends ended ending finish finishes finished next first last then once "
    "following follow follows followed second third fourth fifth sixth seventh eighth ninth tenth final initial "
    "already upon after-effects order sequence chronological chronologically chronology succession newly penultimate "
    "step stage opening closing progresses progress immediately"
)
CLAUSES = frozenset(("before", "after", "end"))
ASKED_ORDER = listed("order sequence chronological chronologically chronology succession")
PREDICTION = listed(
    "will would predict predicted next likely happen happens if without going about able possible"
)
CAUSE = listed(
    "why made cause caused causes causing responsible consequence consequences result results resulted resulting "
    "effect led leads react reacts reaction respond responds response reason trigger triggers triggered impact "
    "aftermath outcome"
)
WHY = frozenset(("why", "reason", "made"))
EFFECT = frozenset(("effect", "impact"))
CHANGE = listed(
    "change changes changed changing become becomes becoming became transform transforms transformed transforming "
    "transformation transition develop develops developed evolve evolves evolved progression altered alter differ "
    "turn turns turned turning transforms morph morphs morphing changes"
)
GETTING = forms("get:got become:became grow:grew turn change") | listed("increasingly gradually change")
COMPARED = listed("compare compared comparing comparison relative than versus vs respect relation")
MENTAL = forms(
    "think:thought believe:believed feel:felt want like love hate say:said call consider prefer know:knew need "
    "mention describe claim argue explain regard:regarded mean:meant seem recommend suggest choose:chose state "
    "use:used wear:wore"
)
ABOUT_ALL = listed(
    "topic theme genre title symbolise symbolize symbolises symbolizes message purpose mood tone profession "
    "occupation inferred infer relationship mentioned called named name brand technique style category"
)
DIAGONALS = listed("up-left up-right down-left down-right left-up left-down right-up right-down")
SIDES = DIAGONALS | listed(
    "left right leftmost rightmost lefthand righthand left-hand right-hand left-handed right-handed leftward "
    "rightward leftwards rightwards clockwise counterclockwise counter-clockwise anticlockwise anti-clockwise "
    "leftside rightside left-footed right-footed left-facing right-facing left-pointing right-pointing left-leaning "
    "right-leaning left-bound right-bound left-most right-most left-side right-side left-sided right-sided "
    "left-hander right-hander left-turning right-turning left-turn right-turn left-arm right-arm lefty righty "
    "southpaw starboard ← → ↖ ↗ ↙ ↘ ↰ ↱ ↶ ↷ ↺ ↻ ⟲ ⟳ top-left top-right bottom-left bottom-right upper-left "
    "upper-right lower-left lower-right front-left front-right back-left back-right"
)
ROTATIONS = listed("clockwise counterclockwise ↶ ↷ ↺ ↻ ⟲ ⟳")
COMPASS = listed(
    "east west northeast northwest southeast southwest north-east north-west south-east south-west eastward westward "
    "eastwards westwards"
)
BEFORE_SIDES = (
    listed(
        "the to on at from far upper lower top bottom then first and or my his her its their your a an slightly "
        "sharp straight hard of back front facing only directly also either"
    )
    | MOTION
    | UNDONE
    | SEEN_FACING
    | forms("keep:kept make:made bear")
)
BEHIND_SIDES = listed(
    "hand hands side sides foot feet leg legs arm arms eye eyes ear ears knee knees shoulder half corner "
    "edge wall lane "
    "door doors part third end of turn or and to headlight headlamp taillight indicator blinker mirror wing wingtip "
    "engine wheel tyre tire paw claw fin flipper antler horn tusk eyebrow nostril lens speaker pedal sock "
    "boot boots ski "
    "skate fist hook jab uppercut thigh hip flank shin calf heel toe finger rein stirrup oar blade bank curb kerb "
    "pavement sidewalk aisle tray pan goal goalpost post basket panel frame screen monitor cup profile "
    "temple forearm bicep lung ventricle breast armpit collar lapel cuff earring hemisphere tower pillar branch "
    "shelf drawer burner stove bench seat row page bumper fender headset earbud winger back guard defender "
    "flipper pincer antenna nozzle hinge handle knob arrow signal"
    "then wrist elbow ankle cheek thumb glove shoe sleeve pocket most column window"
)
NO_SIDES = {
    "right": listed(
        "people tools recipe temperature spelling word note decision answer answers order amount angle angles angled "
        "thing place time triangle size to tool one person choice option up way ways wrong moment kind sort"
    ),
    "left": listed("over alone early home"),
}
"""words behind "left" and "right" with which they are no side"""
ADVERBIAL = {
    "right": listed(
        "after before away now when as here there past through into onto off out back in next beside by behind above "
        "below beneath under at across along against over from inside outside underneath around near opposite on"
    ),
    "left": listed("behind"),
}
"""the same, unless a word before says that it is a side: "on the right behind the car" """
OF_A_SIDE = listed("the to his her its their my your far hand or")
QUOTING = listed("say says said written printed spelled spelt headline subtitle subtitles slogan word")
"""what the answer to a question with one of them quotes is no motion, whatever its words"""
OWNERS = listed("the a an his her their its our early home work school first")
"""words that begin what somebody hands over, or where somebody left"""
SHAPES = listed("letter letters character characters symbol symbols shape glyph")


def has(words: Iterable[str], known: frozenset[str]) -> bool:
    """Return whether one of the words is known."""
    return not known.isdisjoint(words)
