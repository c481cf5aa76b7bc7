"""The JavaScript reader in a browser, on a page that may load nothing from elsewhere."""

import base64
import functools
import hashlib
import http.server
import json
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from guardian.vault.keyring import Keyring
from tests.support.browser import browser
from tests.support.tampering import UTC, own_verdict, sealed, tampered

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "guardian" / "vault" / "vectors"
PACKAGES = ("hashes", "curves", "post-quantum")
POLICY = "default-src 'none'; script-src 'self' 'sha256-{}'; connect-src 'self'"
OPENS = """async ([passphrase, name]) => {
  const { openVault, openSegment } = await import("/reader.mjs");
  const vault = await (await fetch("/vault.json")).json();
  const keys = await openVault(vault, passphrase);
  const file = await openSegment(await (await fetch("/" + name)).blob(), keys);
  const texts = [];
  for (let index = 0; index < file.table.length; index++) texts.push(new TextDecoder().decode(await file.read(index)));
  let problem = "";
  try { await file.verify(); } catch (error) { problem = error.code; }
  return { texts, complete: file.complete, problem };
}"""

UNLOCKS = """async ([vault, passphrase]) => {
  const { openVault } = await import("/reader.mjs");
  window.keys = await openVault(JSON.parse(vault), passphrase);
}"""
JUDGES = """async (files) => {
  const { openSegment } = await import("/reader.mjs");
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (one) => one.toString(16).padStart(2, "0")).join("");
  const orError = async (what) => {
    try { return await what(); }
    catch (error) { if (error.name !== "ReaderError") throw error; return { error: true }; }
  };
  const verdict = async (bytes) => {
    const file = await openSegment(new Blob([bytes]), window.keys);
    const records = [];
    for (let index = 0; index < file.table.length; index++) {
      const content = await orError(() => file.read(index));
      records.push(content.error ? null : hex(await crypto.subtle.digest("SHA-256", content)));
    }
    const whole = (await orError(() => file.verify())) === undefined;
    return { complete: file.complete, records, whole, camera: file.header.camera };
  };
  const verdicts = [];
  for (const text of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    verdicts.push(await orError(() => verdict(bytes)));
  }
  return verdicts;
}"""
AT_ONCE = 25

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def address(tmp_path):
    imports = json.dumps({"imports": {f"@noble/{name}/": f"/vendor/@noble/{name}/" for name in PACKAGES}})
    (tmp_path / "index.html").write_text(f'<!doctype html><script type="importmap">{imports}</script>')
    shutil.copytree(ROOT / "frontend" / "guardian_reader", tmp_path, dirs_exist_ok=True)
    for path in VECTORS.iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "changed.pgs").write_bytes((VECTORS / "whole.pgs").read_bytes()[:-1] + b"0")
    digest = hashlib.sha256(imports.encode()).digest()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header("Content-Security-Policy", POLICY.format(base64.b64encode(digest).decode()))
            super().end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_sealed_files_open_in_a_browser(address):
    texts = ["init segment", "first fragment", "second fragment"]
    with browser() as page:
        page.goto(address + "/index.html")
        right = "correct horse battery staple"
        assert page.evaluate(OPENS, [right, "whole.pgs"]) == {"texts": texts, "complete": True, "problem": ""}
        assert page.evaluate(OPENS, [right, "torn.pgs"]) == {"texts": texts[:2], "complete": False, "problem": "damaged"}
        assert page.evaluate(OPENS, [right, "changed.pgs"])["problem"] == "damaged"
        with pytest.raises(Exception, match="the passphrase is wrong"):
            page.evaluate(OPENS, ["wrong", "whole.pgs"])


def test_a_browser_says_of_every_changed_file_what_our_own_reader_says(address, tmp_path):
    keyring = Keyring.create(tmp_path / "vault", "correct horse battery staple", now_us=UTC)
    one, other = sealed(keyring, "one"), sealed(keyring, "another one")
    with browser() as page:
        page.goto(address + "/index.html")
        page.evaluate(UNLOCKS, [(tmp_path / "vault" / "vault.json").read_text(), "correct horse battery staple"])

        def judged(files):
            return page.evaluate(JUDGES, [base64.b64encode(content).decode() for content in files])

        assert [verdict["whole"] for verdict in judged([b"".join(one), b"".join(other)])] == [True, True]

        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
        @given(files=st.lists(tampered(one, other), min_size=AT_ONCE, max_size=AT_ONCE))
        def agree(files):
            ours = [own_verdict(tmp_path / "f.pgs", keyring, content) for content in files]
            assert not any(verdict.get("whole") for verdict in ours)
            assert judged(files) == ours

        agree()
