"""Search over sealed events: locked it refuses, vectors are sealed, without an embedder it goes by words and says so."""

from dataclasses import replace

import pytest

from guardian.index.events import EventRepository
from guardian.model.errors import BadRequest, ServiceUnavailable, VaultLocked
from guardian.model.event import Attribute, EventQuery, EventState
from guardian.model.time import SECOND_US
from guardian.platform.tasks import Tasks
from guardian.services.event_details import EventDetails
from guardian.services.search import SearchService
from guardian.vault.keyring import Keyring
from tests.support.recorded import MINUTE, T0, OwnClock, event

PASSPHRASE = "another horse battery staple"


class Embedder:
    """Plays the insight service: a text's vector is whether it speaks of a vehicle."""

    def __init__(self):
        self.embedded, self.fails = [], False

    async def embed(self, name, texts):
        self.embedded += texts
        if self.fails:
            raise ServiceUnavailable(f"{name}: it did not answer in time")
        return tuple(bytes([127 if "car" in text else 0]) for text in texts)

    async def rank(self, name, text, vectors):
        return tuple(0.9 if vector == b"\x7f" and text == "wheels" else 0.0 for vector in vectors)

    async def close(self):
        pass


@pytest.fixture
def own_keyring(tmp_path):
    return Keyring.create(tmp_path / "vault", PASSPHRASE, now_us=T0)


@pytest.fixture
async def search(index, own_keyring):
    tasks, embedder = Tasks(), Embedder()
    repository, details = EventRepository(index), EventDetails(own_keyring)
    named = [
        ("person", "door", 10, (Attribute("upper colour", "red", 0.9),)),
        ("person", "door", 20, (Attribute("upper colour", "blue", 0.9),)),
        ("car", "yard", 30, ()),
    ]
    events = [
        replace(
            event(label=label, camera=camera, start_us=T0 + at * MINUTE, end_us=T0 + at * MINUTE + SECOND_US),
            state=EventState.ENDED,
            attributes=attributes,
        )
        for label, camera, at, attributes in named
    ]
    await repository.put(events, details.seal)
    service = SearchService(
        index,
        OwnClock(T0 + 60 * MINUTE),
        own_keyring,
        embedder,
        tasks,
        names=lambda: {"door": "Front door", "yard": "Yard"},
        embedder=lambda: service.wanted,
        as_known=judged,
        used=lambda: None,
    )
    service.wanted, service.embedder, service.events, service.tasks = "", embedder, events, tasks
    service.repository, service.details = repository, details
    yield service
    await tasks.close()


async def judged(events):
    return tuple(replace(one, verdict="wrong") if one.label == "car" else one for one in events)


async def found(search, sentence):
    return [one.event.start_us // MINUTE - T0 // MINUTE for one in (await search.search(sentence)).items]


async def test_by_words_the_best_comes_first_and_the_note_says_what_to_install(search):
    result = await search.search("a person in a red coat at the front door")
    assert [one.event.attributes[0].value for one in result.items] == ["red", "blue"][: len(result.items)]
    assert result.items[0].event.attributes[0].value == "red"
    assert (result.mode, result.cameras) == ("words", ("door",))
    assert "private-ai-guardian[search]" in result.note


async def test_a_time_limits_what_is_searched(search):
    assert await found(search, "person in the last 45 minutes") == [20]


async def test_with_an_embedder_meaning_counts_and_its_vectors_are_sealed(search, index):
    search.wanted = "words-1"
    result = await search.search("wheels")
    assert (result.mode, result.note) == ("meaning", "")
    assert [one.event.label for one in result.items] == ["car"]
    for task in list(search.tasks._tasks):
        await task
    (car,) = (one for one in search.events if one.label == "car")
    sealed = await search.repository.details(car.id)
    _, vector = search.details.opened_with_vector(car, sealed)
    assert (vector.embedder, vector.data) == ("words-1", b"\x7f")
    assert b"words-1" not in sealed
    search.vault_changed(False)
    search.embedder.embedded.clear()
    await search.search("wheels")
    assert search.embedder.embedded == []  # they were kept


async def test_an_embedder_that_fails_leaves_the_words(search):
    search.wanted, search.embedder.fails = "words-1", True
    result = await search.search("car")
    assert [one.event.label for one in result.items] == ["car"]
    assert result.mode == "words"
    assert "did not answer in time" in result.note


async def test_while_locked_it_refuses_and_says_how_to_unlock(search, own_keyring):
    await search.search("car")
    own_keyring.lock()
    search.vault_changed(False)
    assert search._entries == {}
    with pytest.raises(VaultLocked) as refused:
        await search.search("car")
    assert "guardian vault unlock" in refused.value.cure


@pytest.mark.parametrize("sentence", ["", "   ", "x" * 301])
async def test_a_sentence_has_a_length(search, sentence):
    with pytest.raises(BadRequest) as refused:
        await search.search(sentence)
    assert refused.value.field == "q"


async def test_an_event_that_changes_is_opened_anew(search):
    await search.search("person")
    changed = replace(search.events[0], attributes=(Attribute("upper colour", "green", 0.9),))
    await search.repository.put([changed], search.details.seal)
    search.event_changed(changed)
    assert await found(search, "green jacket") == [10]
    assert len(await search.repository.newest(EventQuery(), 2)) == 2


async def test_what_is_found_has_its_verdict(search):
    assert [one.event.verdict for one in (await search.search("car")).items] == ["wrong"]
    assert {one.event.verdict for one in (await search.search("person")).items} == {""}
