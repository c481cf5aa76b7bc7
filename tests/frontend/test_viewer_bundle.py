"""The viewer's bundle: what is served is what the manifest says, under a policy that lets nothing else run."""

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
from guardian_relay.gateway import Viewers, gateway_app
from guardian_relay.settings import GatewaySettings

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


def test_a_release_key_signs_the_manifest_and_a_changed_one_does_not_fit(sign, tmp_path):
    sign.new_key(tmp_path / "release.pem")
    assert (tmp_path / "release.pem").stat().st_mode & 0o777 == 0o600
    signature = sign.sign(tmp_path / "release.pem", viewer.manifest())
    sign.verify(tmp_path / "release.pub", viewer.manifest(), signature)
    with pytest.raises(SystemExit, match="does not fit"):
        sign.verify(tmp_path / "release.pub", viewer.manifest() + b" ", signature)


def edge_app() -> web.Application:
    app = web.Application()
    app.router.add_get("/{path:.*}", page._file)
    return app


@pytest.mark.parametrize("make", [lambda: gateway_app(Viewers(), GatewaySettings()), edge_app], ids=["relay", "edge"])
async def test_relay_and_edge_serve_just_what_the_manifest_says(make, tmp_path):
    import hashlib

    async with TestClient(TestServer(make())) as client:
        said = json.loads(await (await client.get("/manifest.json")).read())
        for name, digest in said["files"].items():
            answer = await client.get(f"/{name}")
            assert hashlib.sha256(await answer.read()).hexdigest() == digest, name
            assert answer.headers["Content-Security-Policy"] == said["policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert await (await client.get("/")).read() == viewer.bundle()["index.html"].body
        for name in ("nothing.js", "__init__.py", "static/app.mjs", "..%2f__init__.py", "manifest.sig"):
            assert (await client.get(f"/{name}")).status == (200 if viewer.served(name) else 404)


def test_the_policy_lets_nothing_else_run():
    assert "default-src 'none'" in viewer.POLICY
    for word in ("unsafe", "http", "data:", "*"):
        assert word not in viewer.POLICY


def test_the_page_has_nothing_inline_and_the_scripts_keep_nothing():
    html = viewer.bundle()["index.html"].body.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?://", html) == []
    own = {name: asset.body.decode() for name, asset in viewer.bundle().items() if name.endswith((".mjs", ".js"))}
    for name, text in own.items():
        code = re.sub(r"/\*.*?\*/|(?m:^\s*//.*$)", "", text, flags=re.S)
        assert not re.search(
            r"localStorage|sessionStorage|indexedDB|document\.cookie|\beval\(|new Function|innerHTML", code
        ), name
        assert not re.search(r"""(?:from|import)\s*["'](?!\.)""", code), f"{name}: a name that a worker cannot resolve"


def test_every_import_leads_to_a_file_of_the_bundle():
    files = viewer.bundle()
    for name, asset in files.items():
        if name.endswith((".mjs", ".js")):
            for target in re.findall(r"""^(?:import|export)[^;"']*["'](\.[^"']+)["']""", asset.body.decode(), flags=re.M):
                whole = (Path("/") / Path(name).parent / target).resolve().relative_to("/")
                assert str(whole) in files, f"{name} imports {target}"


NODE = shutil.which("node")
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


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_a_browser_refuses_a_vault_that_is_made_cheap_to_guess_and_a_viewing_key_with_a_slip(tmp_path):
    for name, asset in viewer.bundle().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(asset.body)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "parts.mjs").write_text(PARTS)
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
    done = subprocess.run(
        [NODE, "parts.mjs"],
        cwd=tmp_path,
        input=json.dumps({"vaults": vaults, "keys": keys}),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["vaults"][0] == "opens"
    assert told["vaults"][1:6] == ["damaged: the vault's Argon2id parameters are out of range"] * 5
    assert told["vaults"][6].startswith("unsupported")
    right = (bytes(range(32)) + bytes(range(100, 132))).hex()
    assert told["keys"] == [right, right, "bad_key", "bad_key", "bad_key", "bad_key"]
