"""The local disk as a store."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from guardian.model.errors import Damaged, NotFound
from guardian.store.local import LocalStore
from tests.support.recorded import T0, record


async def chunks(*parts: bytes, fail: bool = False) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    if fail:
        raise ConnectionError


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "segments").mkdir()
    return LocalStore(tmp_path / "segments")


async def test_put_read_delete_each_twice(store: LocalStore) -> None:
    one = record(T0)
    for _ in range(2):
        await store.put(one, chunks(b"abc", b"defgh"))
    assert await store.read(one, 2, 4) == b"cdef"
    assert (store.root / one.path).stat().st_mode & 0o777 == 0o600
    assert (await store.usage())[0] == 8
    for _ in range(2):
        await store.delete(one)
    assert not (store.root / one.path).parent.exists()
    with pytest.raises(NotFound):
        await store.read(one, 0, 1)


async def test_a_put_that_breaks_off_leaves_nothing(store: LocalStore) -> None:
    one = record(T0)
    with pytest.raises(ConnectionError):
        await store.put(one, chunks(b"abc", fail=True))
    assert list((store.root / one.path).parent.iterdir()) == []


async def test_a_day_with_other_footage_stays(store: LocalStore) -> None:
    one, other = record(T0), record(T0 + 60_000_000)
    await store.put(one, chunks(b"a"))
    await store.put(other, chunks(b"b"))
    await store.delete(one)
    assert await store.read(other, 0, 9) == b"b"


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "", "a/../../b", "a\0b"])
async def test_no_path_leads_out(store: LocalStore, path: str) -> None:
    with pytest.raises(Damaged):
        await store.delete(replace(record(T0), path=path))
