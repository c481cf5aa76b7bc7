"""Who was let in opens what is recorded, with a passphrase of their own, until they are taken out; whoever can write to the disk gets no more."""

import base64
import json
import os
import threading
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag

from guardian.model.errors import BadRequest, Damaged, ResourceGone, VaultLocked
from guardian.vault import hpke, viewers, viewing
from guardian.vault.epochs import check_of
from guardian.vault.home import HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer
from tests.support.viewer import private_key

OWNERS, OLGAS = "correct horse battery staple", "olgas own six words"


@pytest.fixture
def keyring(tmp_path):
    return Keyring.create(tmp_path, OWNERS, now_us=1)


@pytest.fixture
def let_in(keyring, tmp_path):
    home = HomeKey.load(tmp_path, keyring, VaultSealer(keyring.public_key, keyring.epoch), 1)

    def let_in(name="Olga", created_us=5):
        return keyring.let_in(name, OLGAS, viewing.make(home, created_us))

    return let_in


def opens(viewer, keyring, passphrase=OLGAS):
    """The numbers of the epochs that they open."""
    vault = json.loads(viewer.vault())
    for epoch in keyring.epochs[: len(vault["epochs"])]:
        assert hpke.public_of(private_key(vault, epoch.number, passphrase)) == epoch.public
    return [one["number"] for one in vault["epochs"]]


def kept(tmp_path, name="Olga"):
    return next(one for one in viewers.read_all(tmp_path)[0] if one.name == name)


def changed(tmp_path, id_, change):
    path = tmp_path / viewers.FOLDER / f"{id_}.json"
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_who_is_let_in_opens_all_epochs_and_each_that_comes(keyring, let_in, tmp_path):
    keyring.rotate(OWNERS, now_us=2)
    keyring.make_recovery_code(OWNERS, now_us=3)
    viewer = let_in()
    assert kept(tmp_path) == viewer
    assert opens(viewer, keyring) == [1, 2]
    keyring.lock()
    keyring.rotate(OWNERS, now_us=9)
    assert opens(kept(tmp_path), keyring) == [1, 2, 3]
    keyring.change_passphrase(OWNERS, "the owner has another")
    assert opens(kept(tmp_path), keyring) == [1, 2, 3], "the owner's passphrase is nothing to them"
    with pytest.raises(InvalidTag):
        opens(kept(tmp_path), keyring, OWNERS)
    vault = json.loads(kept(tmp_path).vault())
    first = bytearray(private_key(vault, 1, OLGAS))
    bare = [replace(one, recovery=b"") for one in keyring.epochs]
    assert base64.b64decode(vault["check"]) == check_of(bare, None, first)
    assert (tmp_path / viewers.FOLDER / f"{viewer.id}.json").stat().st_mode & 0o777 == 0o600


def test_who_was_taken_out_has_no_key_for_what_comes_even_with_their_file_put_back(keyring, let_in, tmp_path):
    let_in("Paul", 6)
    olga = let_in()
    path = tmp_path / viewers.FOLDER / f"{olga.id}.json"
    before = path.read_bytes()
    assert keyring.take_out(olga.id)
    assert not keyring.take_out(olga.id)
    assert keyring.rotate(OWNERS, now_us=9) == 2
    assert [row.number for row in kept(tmp_path, "Paul").rows] == [1, 2]
    path.write_bytes(before)
    with pytest.raises(Damaged, match="Olga has no key"):
        kept(tmp_path).until(keyring.epochs[-1])
    keyring.rotate(OWNERS, now_us=10)
    assert [row.number for row in kept(tmp_path).rows] == [1], "nothing is sealed to a key of theirs"
    assert [row.number for row in kept(tmp_path, "Paul").rows] == [1, 2, 3]


def test_who_can_write_to_the_disk_has_nothing_sealed_to_a_key_of_theirs(keyring, let_in, tmp_path):
    viewer = let_in()
    _, public = hpke.generate()

    def other_key(value):
        value["vault"]["viewer"]["public"] = base64.b64encode(public).decode()

    changed(tmp_path, viewer.id, other_key)
    keyring.rotate(OWNERS, now_us=9)
    assert [row.number for row in kept(tmp_path).rows] == [1]
    ours = let_in("Paul", 7)
    let_in("Rita", 8)
    changed(tmp_path, kept(tmp_path, "Rita").id, lambda value: value.update(name="Olga and Rita"))  # another name
    os.rename(*(tmp_path / viewers.FOLDER / f"{one}.json" for one in (ours.id, "ab" * 16)))  # under another id
    keyring.rotate(OWNERS, now_us=10)
    assert [row.number for row in kept(tmp_path, "Paul").rows] == [1, 2]
    assert [row.number for row in kept(tmp_path, "Olga and Rita").rows] == [1, 2]


@pytest.mark.parametrize("other", ["taken out", "let in"])
def test_what_is_done_while_it_rotates_is_done_before_or_after_it(keyring, let_in, tmp_path, monkeypatch, other):
    olga = let_in()
    write, done = viewers.write, []
    change = {"taken out": lambda: keyring.take_out(olga.id), "let in": lambda: let_in("Paul", 6)}[other]
    beside = threading.Thread(target=lambda: done.append(change()), daemon=True)

    def slowly(folder, viewer):
        if not beside.ident:  # it has read who is there, and writes the first of them
            beside.start()
            beside.join(1)
        write(folder, viewer)

    monkeypatch.setattr(viewers, "write", slowly)
    keyring.rotate(OWNERS, now_us=9)
    beside.join(60)
    assert done
    names = {one.name: [row.number for row in one.rows] for one in viewers.read_all(tmp_path)[0]}
    assert names == ({} if other == "taken out" else {"Olga": [1, 2], "Paul": [1, 2]})


def test_a_rotation_that_was_cut_off_leaves_them_in(keyring, let_in, tmp_path, monkeypatch):
    let_in()

    def cut(*_):
        raise ResourceGone("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(keyring, "_keep", cut)
        with pytest.raises(ResourceGone):
            keyring.rotate(OWNERS, now_us=8)
    assert [row.number for row in kept(tmp_path).rows] == [1, 2], "sealed before the vault has it"
    mine = kept(tmp_path).until(keyring.epochs[-1])
    assert opens(mine, keyring) == [1]
    assert keyring.rotate(OWNERS, now_us=9) == 2
    assert opens(kept(tmp_path), keyring) == [1, 2]
    assert kept(tmp_path).until(keyring.epochs[-1]) == kept(tmp_path)


def row(**values):
    return lambda value: value["vault"]["epochs"][0].update(values)


def test_a_damaged_file_is_told_and_keeps_nobody_else_out(keyring, let_in, tmp_path):
    viewer, paul = let_in(), let_in("Paul", 6)
    spoil = {
        "no json": lambda path: path.write_text("{"),
        "weak": lambda path: changed(tmp_path, viewer.id, lambda value: value["vault"]["kdf"].update(memory_kib=8)),
        "cut": lambda path: changed(tmp_path, viewer.id, lambda value: value["vault"]["epochs"][0].update(sealed="AAAA")),
        "no rows": lambda path: changed(tmp_path, viewer.id, lambda value: value.update(rows=[])),
        "no name": lambda path: changed(tmp_path, viewer.id, lambda value: value.update(name=7)),
        "infinite": lambda path: changed(tmp_path, viewer.id, row(number=float("inf"))),
        "far future": lambda path: changed(tmp_path, viewer.id, lambda value: value.update(created_us=1 << 61)),
        "a fraction": lambda path: changed(tmp_path, viewer.id, row(number=1.5)),
        "below zero": lambda path: changed(tmp_path, viewer.id, row(number=-1)),
        "infinite cost": lambda path: changed(
            tmp_path, viewer.id, lambda value: value["vault"]["kdf"].update(time=float("inf"))
        ),
        "half a letter": lambda path: path.write_text(good.decode().replace('"Olga"', '"\\ud800"')),
        "a name of two lines": lambda path: changed(tmp_path, viewer.id, lambda value: value.update(name="Olga\nPaul")),
        "no secret": lambda path: changed(tmp_path, viewer.id, lambda value: value.pop("secret")),
    }
    path = tmp_path / viewers.FOLDER / f"{viewer.id}.json"
    good = path.read_bytes()
    for change in spoil.values():
        path.write_bytes(good)
        change(path)
        assert viewers.read_all(tmp_path) == ([paul], [viewer.id])
        keyring.rotate(OWNERS, now_us=9)
        paul = kept(tmp_path, "Paul")
    path.unlink()
    (tmp_path / viewers.FOLDER / "notes.json").write_text("of somebody else")
    assert viewers.read_all(tmp_path) == ([paul], [])


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\nb", "\u3164", "\u2800", "\ud800", "\U000e0100", "\x1b[2J"])
def test_a_name_that_is_none_is_refused(let_in, name, tmp_path):
    with pytest.raises(BadRequest) as told:
        let_in(name)
    assert told.value.field == "name"
    assert viewers.read_all(tmp_path) == ([], [])


def test_it_takes_an_open_vault_and_a_passphrase_that_is_one(keyring, let_in):
    key = let_in().key
    with pytest.raises(BadRequest):
        keyring.let_in("Paul", "short", key)
    keyring.lock()
    with pytest.raises(VaultLocked):
        keyring.let_in("Paul", OLGAS, key)


@pytest.mark.parametrize("id_", ["../vault", "", "AB" * 16, "ab" * 15])
def test_an_id_is_one_of_ours(tmp_path, keyring, id_):
    assert not viewers.remove(tmp_path, id_)
    assert (tmp_path / "vault.json").exists()
