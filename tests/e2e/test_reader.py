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

from tests.support.browser import browser

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
