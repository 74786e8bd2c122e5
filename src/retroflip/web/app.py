"""The viewer's server: pages and data over HTTP, for this machine alone unless a token is in the address.

Nothing outside the given folders is read. A request is refused whose Host is not the server's own (so that no foreign
name can be made to point here), that a page of another origin makes, or, where there is a token, that does not know it.
Pages run only scripts of the server's own, none inside of HTML, and no file of a folder given is ever called a script
or a page.
"""

import base64
import io
import json
import mimetypes
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retroflip.bench.records import Control
from retroflip.errors import RetroflipError, first_fault
from retroflip.files.storage import jsonable
from retroflip.video.frames import Frames, Pixels
from retroflip.web.answered import EVENLY, asked_with
from retroflip.web.curves import PRESETS, Smoothing, charts, curves
from retroflip.web.labels import Label, Labels
from retroflip.web.pairs import PairFilter, Pairs
from retroflip.web.places import Folders, Kind, Place
from retroflip.web.questions import Indices, pairs_of
from retroflip.web.rating import audited, author, compared, sided
from retroflip.web.runs import WAIT, GroupFilter, RunView
from retroflip.web.scores import Swept, measured, preferred_of, scored, swept
from retroflip.web.shown import shown_frames
from retroflip.web.synthetic import timeline, videos_of
from retroflip.web.views import SIDE, seen_under

COOKIE = "retroflip_view"
MAX_BODY = 2**16
"""bytes of a label"""
MAX_FRAMES = 768
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_PORT = re.compile(r":\d{1,5}\Z")
_LABELLED = {
    "verify": {Kind.BENCHMARK, Kind.SYNTHETIC},
    "audit": {Kind.ROUTED},
    "preference": {Kind.TRACES},
}
"""of which kinds of places people say what"""

Call = Callable[[Request], Awaitable[Response]]
MemberT = TypeVar("MemberT", bound=StrEnum)


@dataclass(frozen=True)
class Settings:
    """hosts: the values of Host that are this server. token: what a request must know; None on this machine alone."""

    hosts: frozenset[str]
    token: str | None = None


@dataclass
class Viewer:
    """What the routes share: the folders, and the runs and answers that were opened."""

    folders: Folders
    runs: dict[Path, RunView] = field(default_factory=dict)
    indices: Indices = field(default_factory=Indices)
    seen: dict[str, Place] = field(default_factory=dict)

    def place(self, request: Request, *kinds: Kind) -> Place:
        """Return the place that a request names. Raises HTTPException where there is none of these kinds."""
        return self.named(_chosen(request, "place"), *kinds)

    def named(self, name: str, *kinds: Kind) -> Place:
        """Return the place of a name. Raises HTTPException where there is none of these kinds."""
        found = self.seen.get(name)
        if found is None or not self.folders.has(found):
            self.seen = {place.name: place for place in self.folders.places()}
            found = self.seen.get(name)
        if found is None or (kinds and found.kind not in kinds):
            raise HTTPException(
                404, "There is no such folder here. It may have been moved: load the page again."
            )
        return found

    def run(self, request: Request) -> RunView:
        """Return the run that a request names."""
        return self._run(self.place(request, Kind.RUN))

    def all_runs(self, request: Request) -> dict[str, RunView]:
        """Return every run that a request names, by its name."""
        names = dict.fromkeys(request.query_params.getlist("place"))
        return {name: self._run(self.named(name, Kind.RUN)) for name in names}

    def _run(self, place: Place) -> RunView:
        return self.runs.setdefault(place.path, RunView(place.path))

    def pairs(self, request: Request, *, answers: bool = True) -> Pairs:
        """Return the pairs of the place that a request names; without answers where it, or the caller, says so."""
        wanted = answers and _chosen(request, "answers", "yes") != "no"
        return pairs_of(self.place(request), self.folders, self.indices, answers=wanted)


def make_app(folders: Folders, settings: Settings) -> "Guard":
    """Return the viewer of these folders."""
    viewer = Viewer(folders)
    static = Path(str(resources.files("retroflip.web") / "static"))
    routes = [
        Route("/", lambda _: FileResponse(static / "index.html", headers={"Cache-Control": "no-cache"})),
        Route("/api/places", _json(lambda _: _places(viewer))),
        Route("/api/presets", _json(lambda _: PRESETS)),
        Route("/api/charts", _json(lambda request: _charts(viewer, request))),
        Route("/api/curves", _json(lambda request: _curves(viewer, request))),
        Route("/api/state", _json(lambda request: _states(viewer, request))),
        Route("/api/sweeps", _json(lambda request: _sweeps(viewer, request))),
        Route("/api/run", _json(lambda request: viewer.run(request).about())),
        Route("/api/groups", _json(lambda request: _groups(viewer, request))),
        Route("/api/group", _json(lambda request: _group(viewer, request))),
        Route("/api/shown", _json(lambda request: _shown(viewer, request))),
        Route("/api/pairs", _json(lambda request: _pairs(viewer, request))),
        Route("/api/pair", _json(lambda request: _pair(viewer, request))),
        Route("/api/items", _json(lambda request: [{"id": one.id} for one in viewer.pairs(request).shown])),
        Route("/api/videos", _json(lambda request: _videos(viewer, request))),
        Route("/api/timeline", _json(lambda request: _timeline(viewer, request))),
        Route("/api/frames", _json(lambda request: _frames(viewer, request))),
        Route("/api/audit", _json(lambda request: audited(viewer.place(request, Kind.ROUTED).path))),
        Route("/api/preference", _json(lambda request: _preference(viewer, request))),
        Route("/api/labels", _json(lambda request: _labels(viewer, request))),
        Route("/api/label", _labelling(viewer), methods=["POST"]),
        Route("/media", partial(_media, viewer)),
        Mount("/static", StaticFiles(directory=static)),
    ]
    shown = Starlette(
        routes=routes,
        exception_handlers={
            RetroflipError: _told,
            HTTPException: _refused,
            ValidationError: _unreadable,
            OSError: _gone,
        },
    )
    return Guard(shown, settings)


class Guard:
    """What every request passes first, and what every response gets. It hands on bodies as they come, so that a browser
    that leaves in the middle of a video ends the sending of it and nothing else."""

    def __init__(self, shown: ASGIApp, settings: Settings) -> None:
        self.shown, self.settings = shown, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.shown(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        response = _answered_first(Request(scope), self.settings)
        await (response or self.shown)(scope, receive, _headed(send))


def _headed(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.setdefault("Cache-Control", "no-cache")
        await send(message)

    return sent


def _answered_first(request: Request, settings: Settings) -> Response | None:
    """Return a refusal, or where the address holds the token one that keeps it in a cookie; None to go on."""
    reason = _fault(request, settings)
    if reason:
        return PlainTextResponse(reason, 403)
    given = request.query_params.get("token")
    if settings.token is None or given is None:
        return None
    response = RedirectResponse("/", 303)
    # Not "strict": a browser that follows a link from elsewhere would keep such a cookie from the page it is led on to.
    response.set_cookie(_cookie(request), given, httponly=True, samesite="lax")
    return response


def _cookie(request: Request) -> str:
    """Return the name of this viewer's cookie: those of one machine are one jar, whatever their ports."""
    return f"{COOKIE}_{request.url.port or ''}"


def _fault(request: Request, settings: Settings) -> str | None:
    whole = request.headers.get("host", "").lower()
    if settings.hosts and _PORT.sub("", whole) not in settings.hosts:
        return f"This viewer does not answer to the name {whole[:80]!r}."
    if not _is_own(request, whole):
        return "This viewer answers its own pages alone."
    if settings.token is not None:
        given = request.query_params.get("token") or request.cookies.get(_cookie(request)) or ""
        if not secrets.compare_digest(given.encode(), settings.token.encode()):
            return "Open the address that retroflip view printed: its token is missing or wrong here."
    return None


def _is_own(request: Request, host: str) -> bool:
    """Whether a request may come of a page of the viewer's own. A first page may be called from anywhere, by a link for
    instance; what is sent must say where it comes from, as every browser does."""
    origin = request.headers.get("origin")
    if origin is None and request.method not in ("GET", "HEAD"):
        return False
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        return False
    return request.url.path == "/" or request.headers.get("sec-fetch-site") not in ("cross-site", "same-site")


class _Json(JSONResponse):
    """JSON in ASCII: a half of a character, as a model may write, has no UTF-8."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def _json(read: Callable[[Request], Any]) -> Call:
    """Return a route that reads in a thread, since files are behind it, and answers in JSON."""

    async def answer(request: Request) -> Response:
        found = await run_in_threadpool(read, request)
        return _Json(jsonable(found), headers={"Cache-Control": "no-store"})

    return answer


def _told(_: Request, error: Exception) -> Response:
    return _Json({"error": str(error)}, 422)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return _Json({"error": error.detail}, error.status_code)


def _unreadable(_: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)  # noqa: S101 - what it is registered for
    place = ".".join(map(str, error.errors()[0]["loc"])) or "the label"
    return _Json({"error": f"This label cannot be kept: {place}: {first_fault(error)}."}, 422)


def _gone(_: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)  # noqa: S101 - what it is registered for
    return _Json({"error": f"{error.filename}: {error.strerror}. It may just have been moved."}, 422)


def _number(request: Request, name: str, default: int = 0) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else default


def _chosen(request: Request, name: str, default: str = "") -> str:
    return str(request.query_params.get(name, default))


def _member(kinds: type[MemberT], text: str, default: MemberT) -> MemberT:
    return kinds(text) if text in set(kinds) else default


def _places(viewer: Viewer) -> list[dict[str, str]]:
    return [{"name": place.name, "kind": place.kind.value} for place in viewer.folders.places()]


def _charts(viewer: Viewer, request: Request) -> dict[str, Any]:
    runs = {name: run.metrics() for name, run in viewer.all_runs(request).items()}
    found = charts(_chosen(request, "preset"), runs)
    return {"charts": [chart._asdict() for chart in found.charts], "lacking": found.lacking}


def _curves(viewer: Viewer, request: Request) -> dict[str, Any]:
    views = viewer.all_runs(request)
    drawn = curves(
        request.query_params.getlist("key"),
        {name: run.metrics() for name, run in views.items()},
        {name: run.about() for name, run in views.items()},
        _member(Smoothing, _chosen(request, "smooth"), Smoothing.NONE),
        apart=_chosen(request, "seeds") == "apart",
    )
    return drawn._asdict()


def _states(viewer: Viewer, request: Request) -> dict[str, Any]:
    return {name: run.state() for name, run in viewer.all_runs(request).items()}


def _sweeps(viewer: Viewer, request: Request) -> dict[str, Any]:
    """Return the sweeps among the runs that are named, by the metric that is."""
    views = viewer.all_runs(request)
    found = scored(viewer.folders, {name: run.folder for name, run in views.items()})
    known = measured(found)
    metric = next((one for one in known if one.key == _chosen(request, "metric")), preferred_of(known))
    recipes = {name: recipe for name, run in views.items() if (recipe := run.recipe())}
    return {
        "metric": metric.key if metric else "",
        "metrics": [{"key": one.key, "title": one.title} for one in known],
        "scored": len({one.run for one in found}),
        "axes": [_axis(one) for one in swept(recipes, found, metric)] if metric else [],
    }


def _axis(found: Swept) -> dict[str, Any]:
    lines = [
        {"name": line.name, "points": [point._asdict() for point in line.points]} for line in found.lines
    ]
    return {"title": found.axis.title, "settings": found.axis.settings, "lines": lines}


def _groups(viewer: Viewer, request: Request) -> dict[str, Any]:
    return viewer.run(request).groups(
        _member(GroupFilter, _chosen(request, "filter"), GroupFilter.ALL),
        step=_number(request, "step") if _chosen(request, "step") else None,
        task_type=_chosen(request, "task_type"),
        sample=_chosen(request, "sample"),
        page=_number(request, "page"),
    )


def _group(viewer: Viewer, request: Request) -> list[dict[str, Any]]:
    return viewer.run(request).group(_number(request, "step"), _chosen(request, "sample"))


def _shown(viewer: Viewer, request: Request) -> dict[str, Any]:
    """Return the question, and the frames that a branch was shown."""
    run = viewer.run(request)
    rows = run.group(_number(request, "step"), _chosen(request, "sample"))
    row = next((one for one in rows if one.get("branch") == _chosen(request, "branch")), None)
    if row is None:
        raise HTTPException(404, "There is no such branch here.")
    found = shown_frames(run.recipe(), row, viewer.folders)
    return {"question": found.question, "videos": [_pictures(frames) for frames in found.videos]}


def _pairs(viewer: Viewer, request: Request) -> dict[str, Any]:
    return viewer.pairs(request).listed(
        _member(PairFilter, _chosen(request, "filter"), PairFilter.ALL),
        model=_chosen(request, "model"),
        task=_chosen(request, "task"),
        text=_chosen(request, "text"),
        page=_number(request, "page"),
        wait=WAIT,
    )


def _pair(viewer: Viewer, request: Request) -> dict[str, Any]:
    pairs = viewer.pairs(request)
    pair = pairs.pair(_chosen(request, "pair"))
    if pair is None:
        raise HTTPException(404, "There is no such pair here.")
    return pairs.described(pair, WAIT)


def _videos(viewer: Viewer, request: Request) -> list[dict[str, Any]]:
    return videos_of(viewer.place(request, Kind.SYNTHETIC).path)


def _timeline(viewer: Viewer, request: Request) -> dict[str, Any]:
    return timeline(viewer.place(request, Kind.SYNTHETIC).path, _chosen(request, "video"))


def _file(viewer: Viewer, request: Request) -> Path:
    """Return the video that a request names, inside the folders given. Raises HTTPException for any other."""
    place = viewer.place(request)
    own = place.kind is not Kind.ANSWERS
    root = place.folder if own else viewer.pairs(request, answers=False).root
    path = viewer.folders.file(root, _chosen(request, "path")) if root is not None else None
    if path is None:
        raise HTTPException(404, "There is no such video in the folders that were given.")
    return path


async def _media(viewer: Viewer, request: Request) -> Response:
    path = await run_in_threadpool(_file, viewer, request)
    return FileResponse(path, headers={"Cache-Control": "no-cache"}, media_type=_medium(path))


def _medium(path: Path) -> str:
    """Return what a browser is told that a file is: a picture or a video, or bytes. Somebody else's data may hold pages
    and scripts, which would be the viewer's own if they were called so."""
    guessed, _ = mimetypes.guess_type(path.name)
    shown = guessed is not None and guessed.startswith(("video/", "image/")) and "svg" not in guessed
    return guessed if guessed and shown else "application/octet-stream"


def _frames(viewer: Viewer, request: Request) -> dict[str, Any]:
    """Return the frames that a model was shown of one side of a pair under a control, each with the second that it was
    told and the second of the video that the frame is of; evenly spread ones without a model."""
    pairs = viewer.pairs(request, answers=False)
    pair, side = pairs.pair(_chosen(request, "pair")), _number(request, "side")
    if pair is None or side >= len(pair.sides) or pairs.root is None:
        raise HTTPException(404, "There are no such videos in the folders that were given.")
    named = _chosen(request, "model")
    asked = asked_with(viewer.named(named, Kind.ANSWERS)) if named else EVENLY
    if not 1 <= asked.frames <= MAX_FRAMES:
        raise HTTPException(422, f"{asked.frames} frames are not what a page takes, which is {MAX_FRAMES}.")
    control = _member(Control, _chosen(request, "control"), Control.FULL)
    seen = seen_under(control, pair.sides[side], pairs.root, asked)
    videos = [{**_pictures(one.frames), "taken": list(one.taken)} for one in seen]
    return {"videos": videos, "sampler": str(asked.sampler), "itself": asked.itself}


def _pictures(frames: Frames) -> dict[str, Any]:
    images = [_jpeg(picture.transpose(1, 2, 0)) for picture in frames.pixels_TCHW]
    return {"seconds": list(frames.seconds), "places": list(frames.places), "images": images}


def _jpeg(picture_HWC: Pixels) -> str:
    image = Image.fromarray(picture_HWC)
    image.thumbnail((SIDE, SIDE))
    with io.BytesIO() as stream:
        image.save(stream, "JPEG", quality=85)
        return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _preference(viewer: Viewer, request: Request) -> list[dict[str, Any]]:
    place = viewer.place(request, Kind.TRACES)
    assert place.other is not None  # noqa: S101 - what a place of this kind has
    rater = _chosen(request, "rater")
    return [sided(two, rater) for two in compared(place.path, place.other)]


def _labels(viewer: Viewer, request: Request) -> list[dict[str, Any]]:
    task = _chosen(request, "task", "verify")
    found = Labels(viewer.place(request).path).all(task)
    # Who preferred what would tell the next rater whose trace is whose.
    return [{**one, "verdict": ""} for one in found] if task == "preference" else found


def _labelling(viewer: Viewer) -> Call:
    async def keep(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise HTTPException(415, "A label is sent as JSON.")
        if int(request.headers.get("content-length") or MAX_BODY + 1) > MAX_BODY:
            raise HTTPException(413, "A label is longer than any that is kept.")
        label = Label.model_validate_json(await request.body())
        place = await run_in_threadpool(viewer.place, request)
        if place.kind not in _LABELLED[label.task]:
            raise HTTPException(422, f"Nothing of {place.name} is labelled in this way.")
        if not await run_in_threadpool(_is_there, viewer, request, place, label):
            raise HTTPException(
                404,
                f"{place.name} has no {label.item!r:.80} to be labelled, so nothing is kept: load the page again.",
            )
        await run_in_threadpool(Labels(place.path).put, _named(label))
        return _Json({"kept": True})

    return keep


def _is_there(viewer: Viewer, request: Request, place: Place, label: Label) -> bool:
    """Whether a label is on something that raters of the place are shown."""
    if place.kind is Kind.ROUTED:
        return any(one["id"] == label.item for one in audited(place.path))
    if place.kind is Kind.TRACES and place.other is not None:
        return any(two.sample.id == label.item for two in compared(place.path, place.other))
    return viewer.pairs(request, answers=False).pair(label.item) is not None


def _named(label: Label) -> Label:
    """Return a preference with the author in place of the side, which alone a rater knows; another label as it is."""
    if label.task != "preference":
        return label
    try:
        return label.model_copy(update={"verdict": author(label.item, label.rater, label.verdict)})
    except ValueError as error:
        raise HTTPException(422, f"A preference is left, right or tie: {error}.") from error
