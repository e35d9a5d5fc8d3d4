"""A whole Paddock as a newcomer starts it, and a real browser in front of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.conftest import POSTGRESQL
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "tests" / "vendor" / "axe.min.js"
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
READY_WITHIN_S = 90


@dataclass(frozen=True)
class Instance:
    """A running Paddock: where it is and the first administrator's password."""

    address: str
    admin_password: str
    data: Path


def _read_greeting(process: subprocess.Popen[str]) -> str:
    """What `paddock up` prints until it is ready."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            return "".join(lines)
    raise AssertionError("paddock up ended before it was ready:\n" + "".join(lines))


@pytest.fixture(scope="package")
def instance(request: pytest.FixtureRequest) -> Iterator[Instance]:
    """`paddock up` on an empty data directory, with the database that TEST_DATABASE names."""
    folder = Path(tempfile.mkdtemp(prefix="paddock-browser-"))
    port = free_port()
    command = [sys.executable, "-m", "paddock", "up", "--port", str(port), "--data", str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PADDOCK_")}
    if os.environ.get("TEST_DATABASE") == POSTGRESQL:
        environment["PADDOCK_DATABASE_URL"] = request.getfixturevalue("postgres").empty("browser")
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        greeting = _read_greeting(process)
        password = re.search(r"password (\S+)", greeting)
        assert password, greeting
        yield Instance(f"http://127.0.0.1:{port}", password.group(1), folder)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, for this package only: while Playwright runs, its event loop is in the way of tests with their own."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Visitors:
    """Opens browser windows of different people, and remembers everything that their consoles complain about."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self.address = address
        self.complaints: list[str] = []
        self.contexts: list[BrowserContext] = []

    def page(
        self, *, javascript: bool = True, dark: bool = False, width: int = 1280, context: BrowserContext | None = None
    ) -> Page:
        """A new window; of the same person where a context is given."""
        if context is None:
            context = self.browser.new_context(
                base_url=self.address,
                java_script_enabled=javascript,
                color_scheme="dark" if dark else "light",
                viewport={"width": width, "height": 900},
            )
            context.set_default_timeout(20_000)
            self.contexts.append(context)
        page = context.new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        expected_refusal = "Failed to load resource" in message.text and "status of 4" in message.text
        if message.type == "error" and not expected_refusal:
            self.complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture
def visitors(browser: Browser, instance: Instance) -> Iterator[Visitors]:
    """People in front of browsers; any error in a console fails the test."""
    people = Visitors(browser, instance.address)
    yield people
    people.close()
    assert people.complaints == []


def accessibility_faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA on the page as it is now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    faults = page.evaluate(
        """axe.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
          resultTypes: ['violations'],
        }).then(({ violations }) => violations.map(({ id, help, nodes }) =>
          `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`))"""
    )
    return [f"{page.url}: {fault}" for fault in faults]
