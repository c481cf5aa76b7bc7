"""The `guardian` command: a lazy group, and the one place that turns errors into sentences and exit codes."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from guardian import __version__
from guardian.cli._output import fail
from guardian.model.errors import GuardianError

COMMANDS = {
    "demo": "See it work: live video, an event, its clip. Needs no camera.",
    "run": "Run the recorder and the web page with your configuration.",
    "doctor": "Say what is wrong with this machine and what to do.",
    "config": "Check and explain the configuration.",
    "vault": "Make, show and unlock the vault.",
    "index": "Check, repair or rebuild the index of recordings.",
    "backup": "Write settings, accounts, keys and the index to one sealed file.",
    "restore": "Make a data folder from a backup.",
    "relay": "Join a relay, by which you reach home from afar.",
    "cloud": "Sign what a cloud may have done at home, and see what it asked.",
    "member": "List who is told and who may sign, and take a person out.",
    "archive": "Look after the archive outside the house, and get footage back from it.",
    "viewing": "Look at events and live video from afar.",
    "models": "List, fetch and measure detector models.",
    "infer": "Serve the detector of this machine to Guardians on others.",
    "plugins": "List plugins and what they bring.",
    "user": "List and make users of the web page, and set passwords.",
    "token": "Make and revoke API tokens.",
    "export": "Export footage as MP4, ZIP or signed evidence.",
    "verify": "Check evidence that somebody exported.",
    "replay": "Watch footage again with other settings, and show what would have happened.",
    "tune": "Propose thresholds from your thumbs up and down on events.",
    "bench": "Measure recording and detection on this machine.",
    "completion": "Print shell completion for bash, zsh or fish.",
}


class LazyGroup(click.Group):
    """A group whose commands live in `guardian.cli.<name>` and are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"guardian.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GuardianError as error:
            fail(error, as_json="--json" in sys.argv)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Examples:\n\n  guardian demo\n\n  guardian vault init && guardian run\n\n  guardian doctor",
)
@click.version_option(__version__, prog_name="guardian")
def cli() -> None:
    """The Private AI Guardian: records every camera, finds what matters, and seals it to your key alone."""


def main() -> None:
    """Entry point of the console script. Many commands take a passphrase or hold a key: none may leave a core behind."""
    from guardian.platform.limits import harden

    harden()
    cli.main(prog_name="guardian")
