"""The desk that viewers from afar come to: who is let in, what is answered, and what leaves in the clear (nothing recorded)."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography.exceptions import InvalidTag

from guardian.model.camera import CameraState, CameraStatus, CameraView
from guardian.model.errors import Conflict, NotFound, ServiceUnavailable
from guardian.model.event import Event, EventState
from guardian.model.segment import FragmentMeta
from guardian.model.time import Span
from guardian.platform.clock import SystemClock
from guardian.services import viewer_desk
from guardian.services.viewer_desk import DeskSources
from guardian.services.viewing import ViewingService
from guardian.vault.home import HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer
from guardian.vault.viewing import make_text
from tests.support.viewer import Viewer

PASSPHRASE = "correct horse battery staple"
EVENT = Event("e1", "front", "person", 0.913, 1_000_000, 2_000_000, EventState.ENDED, ("drive",), "p.pgp")


class Call:
    """A gateway between: what one end writes the other reads."""

    def __init__(self):
        self.up, self.down, self.hung_up = asyncio.Queue(), asyncio.Queue(), False

    async def read(self):
        return await self.up.get()

    async def write(self, frame):
        if self.hung_up:
            raise ServiceUnavailable("the viewer has hung up")
        assert len(frame) <= 1 << 20
        await self.down.put(frame)


class Feed:
    codecs, width, height, note, init = "avc1.640028", 640, 360, "", b"init"

    def __init__(self):
        self.left = False

    async def __aiter__(self):
        yield True, b"fragment" * 50_000  # more than a piece
        yield False, b"next"
        await asyncio.Event().wait()


class Fakes:
    def __init__(self, folder):
        self.folder, self.feed = folder, Feed()
        (folder / "p.pgp").write_bytes(b"sealed picture")
        (folder / "s.pgs").write_bytes(bytes(range(256)) * 4096)
        header = SimpleNamespace(segment_id="s1", run_id="r", codecs="avc1", width=1, height=1)
        row = [FragmentMeta(n, 100 * n, 100, 90_000 * (n - 1), 90_000 if n else 0, 1_000_000 * n, True, 1) for n in range(3)]
        self.segment_ = SimpleNamespace(header=header, path=folder / "s.pgs", table=tuple(row), open=False)

    def list(self, query=None):
        if query is None:
            return (
                CameraView("front", "Front door", "rtsp", CameraStatus("front", CameraState.RUNNING, 0, recording=True)),
            )
        return self._page(query)

    async def _page(self, query):
        self.query = query
        return (EVENT,), "next"

    def get(self, name):
        if name == "front":
            return self
        if name != "e1":
            raise NotFound(f"there is no {name!r}")
        return self._event()

    async def _event(self):
        return EVENT

    async def clip_span(self, event):
        return EVENT, Span(900_000, 3_000_000)

    async def segments(self, *_):
        return (self.segment_,)

    async def segment(self, name):
        if name != "s1":
            raise NotFound("no such segment")
        return self.segment_

    @asynccontextmanager
    async def subscribe(self, camera, can, prefer="main"):
        self.asked = (camera, can, prefer)
        try:
            yield self.feed
        finally:
            self.feed.left = True


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vault")
    keyring = Keyring.create(folder, PASSPHRASE, now_us=1)
    HomeKey.load(folder, keyring, VaultSealer(keyring.public_key, keyring.epoch), 1)
    return folder


@pytest.fixture
def vault(made, tmp_path):
    folder = tmp_path / "vault"
    shutil.copytree(made, folder)
    keyring = Keyring.load(folder)
    keyring.unlock(PASSPHRASE)
    return folder, keyring, HomeKey.load(folder, keyring, VaultSealer(keyring.public_key, keyring.epoch), 1)


@pytest.fixture
def place(vault, tmp_path):
    folder, keyring, home = vault
    fakes = Fakes(tmp_path)

    def sources(known):
        return DeskSources(known, fakes, fakes, fakes, fakes, tmp_path)

    def start():
        return ViewingService(folder, home, keyring, SystemClock(), sources)

    return SimpleNamespace(service=start(), fakes=fakes, start=start)


async def met(place, text):
    call, viewer = Call(), Viewer(text)
    serving = asyncio.ensure_future(place.service.serve(call))
    await call.up.put(viewer.hello())
    return call, viewer, serving


async def let_in(place, text="", passphrase=PASSPHRASE):
    call, viewer, serving = await met(place, text or await place.service.turn_on())
    viewer.take(await call.down.get())
    await call.up.put(await asyncio.to_thread(viewer.proof, passphrase))
    assert viewer.answer(await call.down.get())[0] == {"id": 0, "open": 1}
    return call, viewer, serving


async def asked(call, viewer, **head):
    await call.up.put(viewer.ask(**head))
    return viewer.answer(await asyncio.wait_for(call.down.get(), 5))


async def test_what_a_viewer_may_ask(place):
    call, viewer, serving = await let_in(place)
    assert place.service.status().viewers == 1
    (home, _) = await asked(call, viewer, id=1, ask="home")
    assert home == {"id": 1, "cameras": [{"id": "front", "name": "Front door", "state": "running", "recording": True}]}
    page, _ = await asked(call, viewer, id=2, ask="events", limit=5)
    assert (page["events"][0]["label"], page["cursor"], place.fakes.query.limit) == ("person", "next", 5)
    assert await asked(call, viewer, id=3, ask="picture", event="e1") == ({"id": 3}, b"sealed picture")
    clip, _ = await asked(call, viewer, id=4, ask="clip", event="e1")
    assert clip["files"] == {"s1": {"size": 1 << 20}}
    assert [one[:2] for one in clip["entries"]] == [["s1", 1], ["s1", 2]]
    head, body = await asked(call, viewer, id=5, ask="bytes", segment="s1", start=256, end=300)
    assert (head, body) == ({"id": 5}, bytes(range(44)))
    await call.up.put(viewer.ask(id=6, ask="bytes", segment="s1", start=0, end=1 << 20))
    parts = [viewer.answer(await call.down.get()) for _ in range(4)]
    assert [head.get("piece") for head, _ in parts] == [1, 1, 1, None]
    assert b"".join(body for _, body in parts) == (place.fakes.folder / "s.pgs").read_bytes()
    await call.up.put(None)
    await asyncio.wait_for(serving, 5)
    assert place.service.status().viewers == 0


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ({"ask": "nonsense"}, "bad_request"),
        ({"ask": "picture", "event": "other"}, "not_found"),
        ({"ask": "picture", "event": 5}, "bad_request"),
        ({"ask": "events", "limit": 0}, "bad_request"),
        ({"ask": "events", "limit": True}, "bad_request"),
        ({"ask": "bytes", "segment": "s1", "start": -1, "end": 5}, "bad_request"),
        ({"ask": "bytes", "segment": "s1", "start": 0, "end": 1 << 40}, "bad_request"),
        ({"ask": "bytes", "segment": "../s1", "start": 0, "end": 5}, "not_found"),
        ({"ask": "live", "camera": "front", "can": "h264"}, "bad_request"),
    ],
)
async def test_a_bad_question_is_told_and_the_session_goes_on(place, head, code):
    call, viewer, serving = await let_in(place)
    answer, _ = await asked(call, viewer, id=1, **head)
    assert answer["error"]["code"] == code, answer
    assert "cameras" in (await asked(call, viewer, id=2, ask="home"))[0]
    await call.up.put(None)
    await serving


async def test_live_goes_on_until_stop(place):
    call, viewer, serving = await let_in(place)
    head, init = await asked(call, viewer, id=1, ask="live", camera="front", can=["h264"])
    assert (head["live"], head["more"], init) == ("init", 1, b"init")
    first = [viewer.answer(await call.down.get()) for _ in range(2)]
    assert b"".join(body for _, body in first) == b"fragment" * 50_000
    assert viewer.answer(await call.down.get()) == ({"id": 1, "live": "part", "more": 1}, b"next")
    assert place.fakes.asked == ("front", frozenset({"h264"}), "main")
    await call.up.put(viewer.ask(id=2, ask="stop", stop=1))
    await asked(call, viewer, id=3, ask="home")
    assert place.fakes.feed.left
    await call.up.put(None)
    await serving


async def test_a_changed_or_repeated_frame_ends_the_session(place):
    for repeat in (False, True):
        call, viewer, serving = await let_in(place)
        frame = viewer.ask(id=1, ask="home")
        if repeat:
            await call.up.put(frame)
            await call.down.get()
        await call.up.put(frame if repeat else frame[:-1] + bytes([frame[-1] ^ 1]))
        await asyncio.wait_for(serving, 5)
        assert place.service.status().viewers == 0
        assert call.down.empty()


async def test_who_lacks_the_viewing_key_learns_nothing_and_keeps_nobody_out(place):
    text = await place.service.turn_on()
    stranger = await place.service.turn_on()
    assert stranger != text
    for _ in range(8):
        call, _, serving = await met(place, text)  # the one before is good no longer
        assert await call.down.get() == bytes([0, 1])
        await serving
    call, viewer, serving = await met(place, stranger)
    viewer.take(await call.down.get())
    await call.up.put(None)
    await serving


async def test_a_hello_is_good_once(place):
    call, viewer, serving = await met(place, await place.service.turn_on())
    await call.down.get()
    await call.up.put(None)
    await serving
    for _ in range(8):
        again = Call()
        await again.up.put(viewer.first)
        await place.service.serve(again)
        assert await again.down.get() == bytes([0, 1])
    call, viewer, serving = await met(place, make_text(viewer.secret, viewer.home))
    assert (await call.down.get())[0] == 2, "the owner is not kept out by it"
    await call.up.put(None)
    await serving


async def test_who_stops_while_the_line_is_full_goes_on_talking(place):
    call, viewer, serving = await let_in(place)
    line = asyncio.Event()
    write = call.write

    async def slow(frame):
        await line.wait()
        await write(frame)

    call.write = slow
    await call.up.put(viewer.ask(id=1, ask="live", camera="front", can=["h264"]))
    await call.up.put(viewer.ask(id=2, ask="bytes", segment="s1", start=0, end=1 << 20))
    await asyncio.sleep(0.2)
    await call.up.put(viewer.ask(id=3, ask="stop", stop=1))
    await call.up.put(viewer.ask(id=4, ask="stop", stop=2))
    await asyncio.sleep(0.2)
    line.set()
    await call.up.put(viewer.ask(id=5, ask="home"))
    heads = []
    while not heads or heads[-1]["id"] != 5:
        heads.append(viewer.answer(await asyncio.wait_for(call.down.get(), 5))[0])
    await call.up.put(None)
    await serving


async def test_who_has_the_viewing_key_may_not_guess_for_ever(place):
    text = await place.service.turn_on()
    for _ in range(5):
        call, viewer, serving = await met(place, text)
        viewer.take(await call.down.get())
        await call.up.put(viewer.prove())
        assert await call.down.get() == bytes([0, 1])
        await serving
    call, _, serving = await met(place, text)
    assert await call.down.get() == bytes([0, 2])
    await serving


async def test_turning_it_off_sends_viewers_away(place):
    _, viewer, serving = await let_in(place)
    await place.service.turn_off()
    await asyncio.wait_for(serving, 5)
    again, _, serving = await met(place, make_text(viewer.secret, viewer.home))
    assert await again.down.get() == bytes([0, 1])
    await serving
    assert not place.service.status().on


async def test_who_was_let_in_looks_with_secrets_of_their_own_until_they_are_taken_out(place):
    owner = await let_in(place)
    olga, paul = await place.service.let_in(" Olga "), await place.service.let_in("Paul", "pauls own six words")
    assert (olga.name, len(olga.passphrase.split("-")), paul.passphrase) == ("Olga", 6, "pauls own six words")
    for secret in (olga.key, olga.passphrase):
        assert secret not in repr(olga)
    hers = await let_in(place, olga.key, olga.passphrase)
    his = await let_in(place, paul.key, paul.passphrase)
    assert "cameras" in (await asked(*hers[:2], id=1, ask="home"))[0]
    assert [(one.name, one.looking, bool(one.last_us)) for one in await place.service.viewers()] == [
        ("Olga", 1, True),
        ("Paul", 1, True),
    ]
    assert place.service.status().viewers == 3
    await place.service.turn_on()  # the owner's other key is nothing to them
    await asyncio.wait_for(owner[2], 5)
    await place.service.take_out(olga.id)
    await asyncio.wait_for(hers[2], 5)
    assert "cameras" in (await asked(*his[:2], id=1, ask="home"))[0]
    again, _, serving = await met(place, olga.key)
    assert await again.down.get() == bytes([0, 1])
    await serving
    with pytest.raises(NotFound):
        await place.service.take_out(olga.id)
    assert [one.name for one in await place.start().viewers()] == ["Paul"], "after a restart, too"
    await place.service.turn_off()
    await asyncio.wait_for(his[2], 5)
    call, _, serving = await met(place, paul.key)
    assert await call.down.get() == bytes([0, 1]), "off is off for everybody"
    await serving
    with pytest.raises(Conflict, match="is off"):
        await place.service.let_in("Rita")
    await place.service.turn_on()
    assert [one.name for one in await place.service.viewers()] == ["Paul"]


async def test_one_passphrase_does_not_open_for_the_other_and_one_who_guesses_keeps_nobody_out(place):
    text = await place.service.turn_on()
    olga = await place.service.let_in("Olga")
    for _ in range(5):
        call, viewer, serving = await met(place, olga.key)
        viewer.take(await call.down.get())
        with pytest.raises(InvalidTag):
            viewer.proof(PASSPHRASE)
        await call.up.put(viewer.prove())
        assert await call.down.get() == bytes([0, 1])
        await serving
    call, _, serving = await met(place, olga.key)
    assert await call.down.get() == bytes([0, 2])
    await serving
    call, viewer, serving = await let_in(place, text)
    await call.up.put(None)
    await serving


async def test_a_name_is_let_in_once_and_only_so_many(place, monkeypatch):
    await place.service.turn_on()
    await place.service.let_in("Olga")
    with pytest.raises(Conflict) as told:
        await place.service.let_in("Olga ")
    assert told.value.field == "name"
    monkeypatch.setattr("guardian.vault.viewers.MOST", 1)
    with pytest.raises(Conflict, match="1 are let in"):
        await place.service.let_in("Paul")


async def test_who_was_not_there_at_a_rotation_is_told_of_and_not_answered(place, vault, monkeypatch):
    await place.service.turn_on()
    olga = await place.service.let_in("Olga")
    newer = replace(vault[1].epochs[-1], number=2)
    with monkeypatch.context() as patch:
        patch.setattr(type(vault[1]), "epochs", (*vault[1].epochs, newer))
        call, _, serving = await met(place, olga.key)
        assert await call.down.get() == bytes([0, 1])
        await serving
        (listed,) = await place.service.viewers()
        assert listed.problem == "Olga has no key for what is recorded now. Take them out and let them in anew."
    next((place.fakes.folder / "vault" / "viewers").glob("*.json")).write_text("{")
    (listed,) = await place.service.viewers()
    assert (listed.name, "damaged" in listed.problem) == (olga.id[:8], True)


async def test_a_name_is_let_in_once_when_asked_twice_at_once(place):
    await place.service.turn_on()
    asked = [place.service.let_in(name) for name in ("José", "Jose\u0301")]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict", "LetIn"]


async def test_those_who_were_let_in_leave_room_for_the_owner(place, monkeypatch):
    text = await place.service.turn_on()
    made = [await place.service.let_in(f"Viewer {number}") for number in range(4)]
    waiting = []
    for one in made:
        for _ in range(viewer_desk.MOST_OF_ONE):
            call, _, serving = await met(place, one.key)
            if (answer := await call.down.get())[0] == 2:
                waiting.append((call, serving))  # they have the welcome, and say nothing more
            else:
                assert answer == bytes([0, 3])
    assert len(waiting) == viewer_desk.MOST_OF_OTHERS
    call, viewer, serving = await let_in(place, text)
    assert "cameras" in (await asked(call, viewer, id=1, ask="home"))[0]
    for line, answering in [*waiting, (call, serving)]:
        await line.up.put(None)
        await answering
    call, _, serving = await met(place, made[0].key)
    assert (await call.down.get())[0] == 2, "and it is theirs again afterwards"
    await call.up.put(None)
    await serving


async def test_who_is_taken_out_while_they_are_looked_up_a_last_time_is_not_in(place):
    await place.service.turn_on()
    olga = await place.service.let_in("Olga")
    call, viewer, serving = await met(place, olga.key)
    viewer.take(await call.down.get())
    desk, loop = place.service.desk, asyncio.get_running_loop()
    known, read = desk._sources.known, []

    def late():
        found = known()
        if not read:  # after the disk was read, and before the answer is there
            read.append(asyncio.run_coroutine_threadsafe(place.service.take_out(olga.id), loop).result(10))
        return found

    object.__setattr__(desk._sources, "known", late)
    await call.up.put(await asyncio.to_thread(viewer.proof, olga.passphrase))
    assert await call.down.get() == bytes([0, 1])
    await serving
    assert read == [None]
    assert place.service.status().viewers == 0


async def test_what_is_no_hello_costs_no_look_at_the_disk(place):
    await place.service.turn_on()
    object.__setattr__(place.service.desk._sources, "known", None)
    for wrong in (b"", b"x" * 66, b"\x01\x01" + bytes(65)):
        call = Call()
        await call.up.put(wrong)
        await place.service.serve(call)
        assert await call.down.get() == bytes([0, 1])


async def test_who_says_nothing_is_not_waited_for(place, monkeypatch):
    monkeypatch.setattr(viewer_desk, "HELLO_WITHIN_S", 0.05)
    await place.service.turn_on()
    await asyncio.wait_for(place.service.serve(Call()), 5)


async def test_it_stays_on_over_a_restart_and_in_a_locked_vault(place, vault):
    text = await place.service.turn_on()
    _, keyring, _ = vault
    keyring.lock()
    try:
        again = place.start()
        call, viewer = Call(), Viewer(text)
        serving = asyncio.ensure_future(again.serve(call))
        await call.up.put(viewer.hello())
        viewer.take(await call.down.get())
        await call.up.put(None)
        await serving
        with pytest.raises(Exception, match="locked"):
            await again.turn_on()
    finally:
        keyring.unlock(PASSPHRASE)
