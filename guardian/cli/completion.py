"""`guardian completion SHELL`."""

import click
from click.shell_completion import get_completion_class


@click.command(epilog="Example:\n\n  guardian completion bash > ~/.local/share/bash-completion/completions/guardian")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print shell completion for bash, zsh or fish."""
    cls = get_completion_class(shell)
    assert cls is not None
    click.echo(cls(ctx.find_root().command, {}, "guardian", "_GUARDIAN_COMPLETE").source())
