"""Headless Chromium as a person's browser."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]

PLAYS = """async (selector) => {
  const video = document.querySelector(selector);
  if (!video) return null;
  if (video.paused) { video.muted = true; try { await video.play(); } catch (e) {} }
  const sample = () => { const c = document.createElement('canvas'); c.width = 32; c.height = 18;
    const x = c.getContext('2d'); x.drawImage(video, 0, 0, 32, 18);
    return Array.from(x.getImageData(0, 0, 32, 18).data).filter((_, i) => i % 4 < 3).reduce((a, b) => a + b, 0); };
  const before = video.currentTime; await new Promise(r => setTimeout(r, 1500));
  return {before, after: video.currentTime, width: video.videoWidth, light: sample(), error: video.error && video.error.message};
}"""


@contextlib.contextmanager
def browser(**context: Any) -> Iterator[Any]:
    """Yield a Playwright page; the test skips, saying so, where Chromium or Playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        try:
            yield _watched(chromium.new_context(**context).new_page())
        finally:
            chromium.close()


@contextlib.contextmanager
def profile(folder: Path, *flags: str, **context: Any) -> Iterator[Any]:
    """Yield a page of a browser that keeps in a folder what it keeps: as a person's, which they close and open again."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    how = {"executable_path": CHROMIUM, "headless": True, "args": [*FLAGS, *flags], **context}
    with playwright.sync_playwright() as runner:
        persons = runner.chromium.launch_persistent_context(folder, **how)
        try:
            yield _watched(persons.new_page())
        finally:
            persons.close()


def _watched(page: Any) -> Any:
    """Have what goes wrong on a page kept in `problems`."""
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    return page


def log_in(page: Any, url: str, user: str, password: str) -> None:
    """Log in as a person does."""
    page.goto(url + "/login")
    page.fill("input[name=user]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(url + "/")


def open_afar(page: Any, key: str, passphrase: str) -> None:
    """On the viewer's page, open the vault as its owner does."""
    page.fill("#key", key)
    page.fill("#passphrase", passphrase)
    page.click("#open button")


def playing(page: Any, selector: str) -> Any:
    """Return what a video that plays, and shows something, says of itself; else None."""
    state = page.evaluate(PLAYS, selector)
    return state if state and state["after"] > state["before"] and state["width"] and state["light"] else None
