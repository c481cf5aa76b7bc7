"""The viewer's bundle: what is served is what the manifest says, under a policy that lets nothing else run."""

import asyncio
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import guardian_viewer as viewer
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from guardian_relay.errors import RelayError
from guardian_relay.gateway import Viewers, gateway_app, viewer_build
from guardian_relay.settings import GatewaySettings

from guardian.cli.viewing import examine, viewing
from guardian.model.health import Health
from guardian.vault.home import HomeKey
from guardian.vault.keyring import Keyring
from guardian.vault.sealer import VaultSealer
from guardian.vault.viewing import make as make_viewing_key
from guardian.vault.viewing import make_text
from guardian.web.pages import viewer as page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sign(monkeypatch):
    spec = importlib.util.spec_from_file_location("sign_viewer", ROOT / "packaging/viewer/sign.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr("sys.path", list(sys.path))
    spec.loader.exec_module(module)
    return module


def test_the_manifest_is_what_the_files_make():
    assert (viewer.HERE / viewer.MANIFEST).read_bytes() == viewer.manifest(), "run: python packaging/viewer/sign.py"


@pytest.fixture
def release(sign, tmp_path):
    """A bundle that a key of this test's has signed: what lies beside it, and what its files are."""
    sign.new_key(tmp_path / "release.pem")
    assert (tmp_path / "release.pem").stat().st_mode & 0o777 == 0o600
    manifest = viewer.manifest()
    signature, key = sign.sign(tmp_path / "release.pem", manifest)
    assert key == (tmp_path / "release.pub").read_bytes()
    own = {viewer.MANIFEST: manifest, viewer.SIGNATURE: signature, viewer.RELEASE_KEY: key}
    return own, {name: asset.sha256 for name, asset in viewer.bundle().items()}


def check(own, found):
    return viewer.check(own[viewer.MANIFEST], found, viewer.POLICY, own[viewer.SIGNATURE], own[viewer.RELEASE_KEY])


def test_a_release_is_what_its_key_has_signed(release, tmp_path):
    own, found = release
    build = check(own, found)
    assert build.files == len(viewer.bundle())
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", tmp_path / "release.pub", "-outform", "DER"], capture_output=True, check=True)  # fmt: skip
    assert build.signed_by == hashlib.sha256(der.stdout).hexdigest()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda own, found: found.update({"app.mjs": hashlib.sha256(b"changed").hexdigest()}), "app.mjs is not what"),
        (lambda own, found: found.pop("worker.mjs"), "worker.mjs is missing"),
        (lambda own, found: found.update({"more.mjs": "00"}), "does not name: more.mjs"),
        (lambda own, found: own.update({viewer.SIGNATURE: bytes(64)}), "not the release key's"),
        (lambda own, found: own.update({viewer.SIGNATURE: b""}), "is not signed"),
        (lambda own, found: own.update({viewer.RELEASE_KEY: b""}), "no release key"),
        (lambda own, found: own.update({viewer.RELEASE_KEY: b"hello"}), "no public key"),
        (lambda own, found: own.update({viewer.MANIFEST: own[viewer.MANIFEST] + b" "}), "not the release key's"),
        (lambda own, found: own.update({viewer.MANIFEST: b"{}"}), "no manifest"),
        (lambda own, found: own.update({viewer.MANIFEST: own[viewer.MANIFEST].replace(b"'none'", b"'self'", 1)}), "policy"),
    ],
    ids=["changed", "missing", "more", "signature", "unsigned", "no key", "bad key", "another manifest", "none", "policy"],
)
def test_what_is_not_what_was_signed_is_refused(release, spoil, says):
    own, found = release
    spoil(own, found)
    with pytest.raises(viewer.BadBundle, match=says):
        check(own, found)


def test_a_changed_missing_or_additional_file_on_the_disk_stops_relay_and_page_and_doctor_says_so(monkeypatch, tmp_path):
    assert (examine().check, examine().health) == ("viewer's page", Health.OK)
    static = tmp_path / "static"
    shutil.copytree(viewer.STATIC, static)
    monkeypatch.setattr(viewer, "STATIC", static)

    def refusal():
        for kept in (viewer.bundle, viewer.checked):
            kept.cache_clear()
        with pytest.raises(RelayError) as caught:
            viewer_build()
        with pytest.raises(viewer.BadBundle):
            viewer.served("index.html")
        assert (examine().health, examine().message) == (Health.ERROR, caught.value.message)
        assert examine().cure
        return caught.value.message

    page = static / "index.html"
    body = page.read_bytes()
    try:
        page.write_bytes(body[:-2] + bytes([body[-2] ^ 1]) + body[-1:])
        assert refusal() == "the viewer's file index.html is not what the manifest says"
        page.unlink()
        assert refusal() == "the viewer's file index.html is missing"
        page.write_bytes(body)
        (static / "more.exe").write_bytes(b"")
        assert refusal() == "the viewer has a file that its manifest does not name: more.exe"
    finally:
        for kept in (viewer.bundle, viewer.checked):
            kept.cache_clear()


async def test_anyone_checks_what_a_relay_serves(release, tmp_path, monkeypatch):
    own, _ = release
    monkeypatch.setattr(viewer, "_own", lambda name: own[name])
    bodies = {}

    async def serve(request):
        name = request.match_info["path"]
        asset = viewer.served(name)
        return web.Response(body=bodies.get(name, asset.body), content_type=asset.media, headers=viewer.HEADERS)

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    viewer.checked.cache_clear()
    try:
        async with TestClient(TestServer(app)) as client:
            address = str(client.make_url("/"))

            async def checked(*words):
                run = CliRunner()
                return await asyncio.to_thread(run.invoke, viewing, ["check", address, "--json", *words])

            said = json.loads((await checked()).stdout)
            assert said["as_installed"] is True
            assert said["signed_by"] == viewer.checked().signed_by
            assert said["files"] == len(viewer.bundle())
            bodies["worker.mjs"] = viewer.bundle()["worker.mjs"].body + b" "
            assert "worker.mjs is not what the manifest says" in (await checked()).exception.message
            bodies.clear()
            bodies[""] = b"<html>"
            assert "not index.html" in (await checked()).exception.message
            bodies.clear()
            (tmp_path / "other.pub").write_bytes(Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))  # fmt: skip
            assert "not the release key's" in (await checked("--public-key", str(tmp_path / "other.pub"))).exception.message
    finally:
        viewer.checked.cache_clear()


def edge_app() -> web.Application:
    app = web.Application()
    app.router.add_get("/{path:.*}", page._file)
    return app


@pytest.mark.parametrize("make", [lambda: gateway_app(Viewers(), GatewaySettings()), edge_app], ids=["relay", "edge"])
async def test_relay_and_edge_serve_just_what_the_manifest_says(make, tmp_path):
    async with TestClient(TestServer(make())) as client:
        said = json.loads(await (await client.get("/manifest.json")).read())
        for name, digest in said["files"].items():
            answer = await client.get(f"/{name}")
            assert hashlib.sha256(await answer.read()).hexdigest() == digest, name
            assert answer.headers["Content-Security-Policy"] == said["policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert await (await client.get("/")).read() == viewer.bundle()["index.html"].body
        for name in ("nothing.js", "__init__.py", "static/app.mjs", "..%2f__init__.py", "phone_keys.js"):
            assert (await client.get(f"/{name}")).status == 404
        assert await (await client.get("/manifest.sig")).read() == b"", "a development build"


def test_the_policy_lets_nothing_else_run():
    assert "default-src 'none'" in viewer.POLICY
    for word in ("unsafe", "http", "data:", "*"):
        assert word not in viewer.POLICY


def test_the_page_has_nothing_inline_and_the_scripts_keep_nothing():
    for name in ("index.html", "phone.html"):
        html = viewer.bundle()[name].body.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?://", html) == []
    own = {name: asset.body.decode() for name, asset in viewer.bundle().items() if name.endswith((".mjs", ".js"))}
    for name, text in own.items():
        code = re.sub(r"/\*.*?\*/|(?m:^\s*//[^\n]*$)", "", text, flags=re.S)
        assert not re.search(r"localStorage|sessionStorage|\bcaches\b|document\.cookie|new Function|innerHTML", code), name
        assert name.startswith("reader/noble/") or not re.search(r"\beval\(", code), name  # theirs has a method of that name
        assert ("indexedDB" in code) == (name == "phone_keys.mjs"), f"{name}: what a device keeps are its own keys alone"
        assert name in ("phone.mjs", "phone_worker.mjs") or "phone_keys.mjs" not in code, f"{name} needs none of them"
        assert not re.search(r"""(?:from|import)\s*["'](?!\.)""", code), f"{name}: a name that a worker cannot resolve"


def test_every_import_leads_to_a_file_of_the_bundle():
    files = viewer.bundle()
    for name, asset in files.items():
        if name.endswith((".mjs", ".js")):
            for target in re.findall(r"""^(?:import|export)[^;"']*["'](\.[^"']+)["']""", asset.body.decode(), flags=re.M):
                whole = (Path("/") / Path(name).parent / target).resolve().relative_to("/")
                assert str(whole) in files, f"{name} imports {target}"


NODE = shutil.which("node")
PASSPHRASE = "correct horse battery staple"
PARTS = """
import { readFileSync } from "node:fs";
import { openVault } from "./reader/reader.mjs";
import { readKey } from "./session.mjs";
const told = { vaults: [], keys: [] };
const { vaults, keys } = JSON.parse(readFileSync(0, "utf8"));
for (const vault of vaults) told.vaults.push(await openVault(vault, "correct horse battery staple").then(() => "opens", (error) => `${error.code}: ${error.message}`));
for (const key of keys) told.keys.push(await readKey(key).then(({ secret, home }) => Buffer.concat([secret, home]).toString("hex"), (error) => error.code));
console.log(JSON.stringify(told));
"""


def in_node(folder, vaults, keys=()):
    """Return what the viewer's own code says of vaults and viewing keys."""
    for name, asset in viewer.bundle().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(asset.body)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "parts.mjs").write_text(PARTS)
    given = json.dumps({"vaults": vaults, "keys": keys})
    done = subprocess.run([NODE, "parts.mjs"], cwd=folder, input=given, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_a_browser_opens_what_somebody_who_was_let_in_gets_and_refuses_it_changed(tmp_path):
    keyring = Keyring.create(tmp_path / "vault", "the owner's own words", now_us=1)
    keyring.rotate("the owner's own words", now_us=2)
    home = HomeKey.load(tmp_path / "vault", keyring, VaultSealer(keyring.public_key, keyring.epoch), 1)
    key = make_viewing_key(home, 5)
    good = json.loads(keyring.let_in("Olga", PASSPHRASE, key).vault())
    paul = json.loads(keyring.let_in("Paul", "pauls own words", key).vault())
    first, second = good["epochs"]
    swapped = [first | {"sealed": second["sealed"]}, second | {"sealed": first["sealed"]}]
    told = in_node(
        tmp_path / "node",
        [
            good,
            paul,
            good | {"epochs": swapped},
            good | {"epochs": paul["epochs"]},
            good | {"epochs": [first, second | {"created_us": 3}]},
            good | {"epochs": [first]},
            {name: value for name, value in good.items() if name != "check"},
            good | {"viewer": good["viewer"] | {"public": paul["viewer"]["public"]}},
        ],
    )["vaults"]
    does_not_open = "damaged: a key of the vault does not open for who was let in"
    wrong = "wrong_passphrase: the passphrase is wrong"
    changed, lacks = "damaged: the vault's file was changed", "damaged: the vault lacks its check"
    assert told == ["opens", wrong, does_not_open, does_not_open, changed, changed, lacks, wrong]


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_a_browser_refuses_a_vault_that_is_made_cheap_to_guess_and_a_viewing_key_with_a_slip(tmp_path):
    vault = json.loads((ROOT / "tests/guardian/vault/vectors/vault.json").read_text())
    cheap = [
        {"memory_kib": 65_535},
        {"memory_kib": 8},
        {"time": 2},
        {"lanes": 0},
        {"memory_kib": 1 << 21},
        {"name": "pbkdf2"},
    ]
    vaults = [vault, *({**vault, "kdf": vault["kdf"] | one} for one in cheap)]
    text = make_text(bytes(range(32)), bytes(range(100, 132)))
    keys = [
        text,
        f" {text[:30]}\n{text[30:]}",
        text[:-1],
        text[:40] + ("A" if text[40] != "A" else "B") + text[41:],
        "",
        "é",
    ]
    told = in_node(tmp_path, vaults, keys)
    assert told["vaults"][0] == "opens"
    assert told["vaults"][1:6] == ["damaged: the vault's Argon2id parameters are out of range"] * 5
    assert told["vaults"][6].startswith("unsupported")
    right = (bytes(range(32)) + bytes(range(100, 132))).hex()
    assert told["keys"] == [right, right, "bad_key", "bad_key", "bad_key", "bad_key"]
