"""`guardian completion SHELL`."""

import click
from click.shell_completion import get_completion_class

from guardian.cli._output import emit, json_option


@click.command(epilog="Example:\n\n  guardian completion bash > ~/.local/share/bash-completion/completions/guardian")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_option
@click.pass_context
def completion(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print shell completion for bash, zsh or fish."""
    cls = get_completion_class(shell)
    assert cls is not None
    script = cls(ctx.find_root().command, {}, "guardian", "_GUARDIAN_COMPLETE").source()
    if as_json:
        emit({"shell": shell, "script": script})
    else:
        click.echo(script)
