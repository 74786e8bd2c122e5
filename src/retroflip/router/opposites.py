"""Actions that are each other's reversal: what one option tells, another may tell of the clip played backwards.

The reversal map of `data.text_maps` knows verbs with one inverse and gives the other clip's text. Here a verb may have
many: it is known that "folds it away" undoes "fans it out", but not which of them is right of the other clip.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from retroflip.router.vocabulary import forms

_PAIRS = """
open, uncover, unlid | close, shut:shut, cover
enter, go:went,gone in, come:came in, walk in, step in, get:got in, climb in, move in, go:went,gone inside |
    exit, leave:left, go:went,gone out, come:came out, walk out, step out, get:got out, climb out, move out,
    go:went,gone outside
arrive, reach | depart, leave:left, set:set off, set:set out
take:took,taken off, lift off, blast off, launch | land, touch down, set:set down, alight
pick up, lift, raise, hoist, heave, take:took,taken up | put:put down, lay:laid down, set:set down, lower,
    place, drop
put:put on, don, slip on, pull on | take:took,taken off, doff, slip off, pull off, remove, strip off
put:put in, insert, push in, stick:stuck in, plug in, slot in, place in, drop in | take:took,taken out, remove,
    pull out, draw:drew,drawn out, extract, unplug
turn on, switch on, power on, power up, boot, start, activate, enable | turn off, switch off, power off, power
    down, shut:shut down, deactivate, disable
light:lit, ignite, kindle, set:set fire | extinguish, put:put out, blow:blew,blown out, snuff, douse,
    go:went,gone out
zoom in, push in, dolly in, track in, move in, =push-in, =zoom-in, =dolly-in | zoom out, pull out, dolly out,
    track out, move out, pull back, dolly back, zoom back, =pull-out, =zoom-out, =dolly-out, =pull-back
fade in, =fade-in | fade out, fade away, =fade-out
boom up, crane up, pedestal up, tilt up, jib up, pan up | boom down, crane down, pedestal down, tilt down, jib
    down, pan down
truck left, pan left, dolly left, track left | truck right, pan right, dolly right, track right
minimise, minimize, collapse, iconify, shrink:shrank,shrunk | restore, maximise, maximize, enlarge, expand,
    unminimise
scroll up, swipe up, page up | scroll down, swipe down, page down
count up | count down
fan out, spread:spread, spread:spread out, fold out, unfold, unfurl, open | fold, fold away, fold up, fold in,
    furl, close, fold down, fold together, tuck away
inflate, blow:blew,blown up, pump up, swell:swelled,swollen, puff up, puff out, fill | deflate, let:let out,
    let:let down, go:went,gone down, collapse, empty
freeze:froze,frozen, solidify, harden, set:set, congeal, ice over | thaw, melt, liquefy, defrost, soften,
    dissolve
evaporate, boil off, vaporise, vaporize | condense
dissolve | crystallise, crystallize, precipitate
dock, couple, moor, berth, tie up | undock, uncouple, cast:cast off, unmoor, undo:undid,undone
plug, plug in, connect, hook up, wire up | unplug, disconnect, unhook
screw, screw on, screw in, twist on | unscrew, twist off, screw out, screw off
wrap, wrap up, pack, pack up, box up | unwrap, unpack, unbox
load, load up | unload, offload
board, get:got on, hop on, climb on, climb aboard, embark, mount, climb onto, step on, jump on | alight, get:got
    off, hop off, climb off, disembark, dismount, step off, jump off, deplane
sink:sank,sunk, submerge, go:went,gone under, dive, plunge, submerse | surface, emerge, resurface, float up,
    come:came up, rise:rose,risen
stretch, extend, lengthen, elongate, expand, grow:grew,grown | shrink:shrank,shrunk, contract, shorten, retract,
    compress, spring:sprang,sprung back, snap back
sprout, germinate, shoot:shot up, bloom, blossom, flower, grow:grew,grown | wither, wilt, shrivel, die, fade,
    droop, decay
button, button up, do:did,done up | unbutton, undo:undid,undone
zip, zip up | unzip
buckle, buckle up, fasten, strap in, belt up, clip, clasp, hook | unbuckle, unfasten, unstrap, unbelt, unclip,
    unclasp, unhook
lace, lace up, tie, knot, tie up, bind:bound | unlace, untie, unknot, undo:undid,undone, unbind:unbound
attach, stick:stuck on, stick:stuck, glue, fix, mount, pin, tape, join, clip on, hitch, fasten | detach, peel
    off, unstick:unstuck, remove, unmount, unpin, separate, tear:tore,torn off, take:took,taken off, unhitch,
    unfasten, come:came off, clip off, pull off
fill, fill up, top up, refill, flood | empty, drain, pour out, drain away, run:ran out
pour in, pour into | pour out, tip out
merge, join, fuse, unite, combine, come:came together, converge, meet:met, coalesce, gather, assemble |
    split:split, part, separate, divide, fork, diverge, branch, drift apart, come:came apart, move apart,
    break:broke,broken apart, disperse, scatter, split:split up
push, push away, shove, thrust, repel | pull, pull back, tug, drag, haul, draw:drew,drawn, attract
climb, ascend, rise:rose,risen, go:went,gone up, mount, soar, move up, come:came up, float up, scale, scramble
    up, gain, clamber up, walk up, run:ran up, fly:flew,flown up | descend, fall:fell,fallen, go:went,gone down,
    sink:sank,sunk, drop, move down, come:came down, climb down, plummet, subside, abseil, walk down, run:ran down,
    fly:flew,flown down, dip
speed:sped up, accelerate, quicken, pick up, gain, rev up, hasten | slow down, slow, decelerate, brake,
    lose:lost, slacken, slow up
start, begin:began,begun, commence, set:set off, get:got going, move off, pull away | stop, end, finish, cease,
    halt, come:came to, pull up, brake
appear, materialise, materialize, emerge, show:showed up, pop up, come:came into, light:lit up, turn up |
    vanish, disappear, dematerialise, dematerialize, fade away, go:went,gone away, dissolve, hide:hid,hidden
reveal, unveil, uncover, expose, unmask, show:showed | hide:hid,hidden, veil, cover, conceal, mask, cover up
tighten, clench, tense, grip, tense up, squeeze, clamp | loosen, unclench, relax, release, slacken, let:let go,
    unclamp, undo:undid,undone
coil, coil up, wind:wound up, wind:wound, curl up, reel in, spool, roll up | uncoil, unwind:unwound, uncurl,
    pay:paid out, unreel, unspool, unroll, roll out, let:let out, straighten
roll up, wind:wound up | roll down, unroll, roll out, wind:wound down
curl, bend:bent, crumple, crease, buckle, warp, crook | uncurl, straighten, smooth, flatten, unbend:unbent,
    iron, uncrumple
lock, bolt, latch, bar, padlock | unlock, unbolt, unlatch, unbar
wake:woke,woken, wake:woke,woken up, awaken | sleep:slept, fall:fell,fallen asleep, nod off, doze off, drift
    off, drop off
sit:sat down, sit:sat, squat, crouch, kneel:knelt, kneel:knelt down, lie:lay,lain down, duck, crouch down, squat
    down, bend:bent down, take:took,taken seat, stoop | stand:stood up, stand:stood, get:got up, rise:rose,risen,
    sit:sat up, straighten up, rise:rose,risen from, jump up
take:took,taken seat | leave:left seat, vacate
dress, get:got dressed | undress, get:got undressed, disrobe, strip
give:gave,given, hand, hand over, pass, offer, lend:lent, deliver, pay:paid, present | take:took,taken, receive,
    get:got, accept, collect, borrow, take:took,taken back
throw:threw,thrown, toss, pitch, hurl, fling:flung, release, let:let go | catch:caught, grab, seize
kick away | trap
buy:bought | sell:sold, return
save, deposit, pay:paid in, bank | spend:spent, withdraw:withdrew,withdrawn, take:took,taken out
build:built, build:built up, construct, erect, assemble, put:put up, put:put together, pile up, stack, stack up,
    pitch | demolish, dismantle, tear:tore,torn down, take:took,taken down, disassemble, take:took,taken apart,
    knock down, unstack, pull down, knock over, unpile, break:broke,broken down, bulldoze, pack up
hang:hung, hang:hung up, put:put up, pin up, string:strung up, hoist, display | take:took,taken down,
    unhang:unhung, pull down
add, include, append, mix in | remove, subtract, delete, take:took,taken away, take:took,taken out, erase,
    exclude
insert, stick:stuck in, sheathe, slide:slid in, holster, tuck in | remove, pull out, unsheathe, draw:drew,drawn,
    slide:slid out, eject, extract, tuck out
write:wrote,written, draw:drew,drawn, type, paint, scribble | erase, delete, wipe off, rub out, wipe away,
    backspace, scrub off
dirty, soil, stain, smear, muddy | clean, wipe, wash, scrub, rinse, polish, cleanse
wet, soak, moisten, dampen, drench | dry, dry off, dry out, wring:wrung out
heat, heat up, warm, warm up, get:got hot | cool, cool down, cool off, chill
brighten, lighten, light:lit up, get:got lighter, illuminate, get:got bright | darken, dim, get:got darker,
    dull, black out, get:got dark
increase, rise:rose,risen, go:went,gone up, grow:grew,grown, climb, gain, multiply, swell:swelled,swollen,
    mount, build:built up, intensify, double, widen | decrease, decline, diminish, dwindle, drop, go:went,gone down,
    shrink:shrank,shrunk, fall:fell,fallen, reduce, lessen, lose:lost, weaken, halve, ebb, narrow, wane, ease,
    abate, subside, thin
charge, charge up, recharge | discharge, drain, run:ran down
widen, broaden, dilate, open up | narrow, constrict, taper, contract, close up
thicken | thin
strengthen | weaken
raise, put:put up, pull up, hoist, roll up, wind:wound up, hold:held up | lower, put:put down, pull down,
    take:took,taken down, roll down, wind:wound down, let:let down, haul down
advance, move forward, go:went,gone forward, drive:drove,driven forward, roll forward, step forward | retreat,
    move back, go:went,gone back, back away, back up, reverse, withdraw:withdrew,withdrawn, step back, move
    backward, drive:drove,driven backward, roll back, back off, recoil
approach, come:came closer, move closer, close in, draw:drew,drawn near, get:got closer, come:came near, near,
    come:came toward, lean in, step closer | recede, move away, go:went,gone away, back away, retreat, get:got
    farther, get:got further, draw:drew,drawn away, walk away, drive:drove,driven away, run:ran away, back off, step
    away, pull away, lean back, lean away
lean forward, lean in, bend:bent forward, bow | lean back, straighten, lean backward, sit:sat back
inhale, breathe in, suck in, draw:drew,drawn in | exhale, breathe out, blow:blew,blown out, puff out
swallow, gulp, ingest, eat:ate,eaten, suck up, absorb, soak up | spit:spat out, vomit, regurgitate, spit:spat,
    disgorge, spew, squeeze out
import, upload, copy in | export, download
log in, sign in, check in, clock in, =login | log out, log off, sign out, check out, clock out, sign off,
    =logout
mute, silence, pause | unmute, resume, unpause
follow, like, friend, pin, bookmark, subscribe | unfollow, unlike, unfriend, unpin, unbookmark, unsubscribe
select, tick, check, highlight, mark | deselect, untick, uncheck, unselect, unmark, unhighlight
show:showed, display | hide:hid,hidden, dismiss
undo:undid,undone | redo:redid,redone
encrypt, encode, scramble | decrypt, decode, unscramble
crop | uncrop
freeze:froze,frozen | unfreeze:unfroze,unfrozen
block, jam, clog, dam, obstruct, bar | unblock, unjam, unclog, clear
cap, cork, seal, stopper, lid, bung | uncap, uncork, unseal, pop open, pop off
saddle, harness, bridle, yoke, hitch, leash, tether, chain | unsaddle, unharness, unbridle, unyoke, unhitch,
    unleash, untether, unchain, release, let:let loose, let:let off
cage, trap, lock up, capture, imprison, pen, catch:caught | free, release, let:let out, let:let go, liberate,
    uncage, set:set free
handcuff, cuff, shackle | uncuff, unshackle
bury, inter, plant, cover | dig:dug up, unearth, exhume, excavate, uproot, uncover, dig:dug out
plant, sow:sowed,sown, pot | uproot, pull up, harvest, weed
nail, hammer in, drive:drove,driven in | pry out, prise off, pry off, prise out
thread, string:strung | unthread
braid, plait, weave:wove,woven, knit, tangle, ravel | unbraid, unplait, unravel, unpick, untangle, disentangle,
    unweave, unknit
hook | unhook
crack, smash, break:broke,broken, shatter | mend, repair, fix, put:put together
tangle, entangle | untangle, disentangle
peg, clip, pin | unpeg, unclip, unpin
cross, fold | uncross, unfold
clench | unclench
cock | uncock
arm | disarm
flex, bend:bent | extend, straighten, unbend:unbent
ebb, go:went,gone out, recede, retreat | flow, come:came in, flood, rise:rose,risen, surge
dawn, get:got light, =sunrise, =dawn, =daybreak, rise:rose,risen | =sunset, =dusk, =nightfall, set:set, get:got
    dark
wax | wane
hatch | lay:laid
shed:shed, moult, molt | grow:grew,grown
peel | =unpeeled
score, pot, sink:sank,sunk | miss
lure, lead:led in | drive:drove,driven out, chase away
welcome, greet | =farewell, see:saw off
hire, elect, crown | fire, dismiss, depose, dethrone
drive:drove,driven in, pull in, park, back in, roll in, reverse into, turn in | drive:drove,driven out, pull
    out, pull away, back out, roll out, reverse out, turn out, drive:drove,driven off
couple | uncouple, decouple
engage, apply, press | disengage, release, let:let go
press, push down, hold:held down, depress | release, let:let go, let:let up
pump in | pump out, suck out
stow, put:put away, store, tidy away, pocket, hide:hid,hidden, shelve, tuck away, put:put back | take:took,taken
    out, get:got out, fetch, bring:brought out, produce, unpack, pull out, lay:laid out
bring:brought, carry in, bring:brought in, bring:brought up | take:took,taken away, carry out, carry off, carry
    away, take:took,taken out, clear, clear away, clear off
lay:laid, set:set | clear
draw:drew,drawn together, draw:drew,drawn, close | draw:drew,drawn back, draw:drew,drawn apart, pull back, part,
    open
extend, put:put out, stick:stuck out, poke out, deploy, hold:held out, pop out, come:came out, reach out,
    slide:slid out | retract, pull in, pull back, withdraw:withdrew,withdrawn, draw:drew,drawn in, tuck in, pop in,
    fold in, come:came in, slide:slid in
raise | bow
hop up, jump up, jump on, leap up | hop down, jump down, jump off, leap down
swim:swam,swum up | swim:swam,swum down
swarm in, crowd in, flock in, pour in, file in, rush in, stream in, move in, flood in | swarm out, crowd out,
    pour out, file out, rush out, stream out, move out, flood out
crouch | stretch, jump
tilt up, tip up, nose up | tilt down, tip down, nose down
tip over, knock over, topple, fall:fell,fallen over, tumble, keel over, overturn, capsize, collapse, upset:upset
    | right, set:set up, stand:stood up, pick up, set:set upright, put:put upright, upright, get:got up
turn up, crank up | turn down, crank down
look up | look down
flip up | flip down
spin:spun up, wind:wound up | spin:spun down, wind:wound down
=arrival, =takeoff, =take-off, =ascent, =entry, =entrance, =boarding | =departure, =landing, =descent, =exit,
    =disembarking
=expansion, =growth, =increase, =acceleration, =inflation | =contraction, =shrinkage, =decrease, =deceleration,
    =deflation
=assembly, =construction, =building | =disassembly, =demolition, =dismantling
=opening | =closing, =closure
=freezing | =thawing, =melting
=rise, =climb | =fall, =drop
"""
"""pairs, one a line and what is indented below: verbs (past behind a colon) and what follows them; "=": a bare word"""


class _Action(NamedTuple):
    """One action of a pair. behind: the word that follows the verb within a few words; empty where none need."""

    behind: str
    pair: int
    side: int


def _actions() -> Iterator[tuple[str, _Action]]:
    lines = _PAIRS.replace("\n    ", " ").strip().splitlines()
    for pair, line in enumerate(lines):
        for side, actions in enumerate(line.split("|")):
            for action in actions.split(", "):
                verb, _, behind = action.strip().partition(" ")
                for form in (verb[1:],) if verb.startswith("=") else forms(verb):
                    yield form, _Action(behind, pair, side)


def _table() -> dict[str, tuple[_Action, ...]]:
    found = defaultdict(list)
    for form, action in _actions():
        found[form].append(action)
    return {form: tuple(actions) for form, actions in found.items()}


_ACTIONS = _table()
_REACH = 4
"""words behind a verb among which its particle stands"""


def told(words: Sequence[str]) -> frozenset[tuple[int, int]]:
    """Return the actions that words tell, each as its pair and its side of that.

    >>> from retroflip.router.reading import words_of
    >>> one, other = told(words_of("fans its tail out")), told(words_of("folds it away"))
    >>> opposed(one, other), opposed(one, one)
    (True, False)
    """
    if _ACTIONS.keys().isdisjoint(words):
        return frozenset()
    found: set[tuple[int, int]] = set()
    for place, word in enumerate(words):
        actions = _ACTIONS.get(word)
        if actions is None:
            continue
        behind = words[place + 1 : place + 1 + _REACH]
        exact = [action for action in actions if action.behind in behind]
        found.update(
            (action.pair, action.side) for action in exact or actions if action.behind in ("", *behind)
        )
    return frozenset(found)


def opposed(one: frozenset[tuple[int, int]], other: frozenset[tuple[int, int]]) -> bool:
    """Return whether one text tells what undoes something that the other tells, and neither tells both."""
    return any(
        (pair, 1 - side) in other and (pair, side) not in other and (pair, 1 - side) not in one
        for pair, side in one
    )
