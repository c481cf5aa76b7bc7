"""`guardian infer serve`."""

from __future__ import annotations

from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option


@click.group(epilog="Example:\n\n  guardian infer serve --listen 127.0.0.1:8433 --token-file tokens")
def infer() -> None:
    """Serve the detector of this machine to Guardians on others."""


@infer.command(
    epilog="Example:\n\n  guardian infer serve --listen 0.0.0.0:8433 --token-file tokens --tls-cert cert.pem --tls-key key.pem"
)
@click.option("--listen", required=True, metavar="HOST:PORT", help="Where to serve HTTP.")
@click.option("--grpc-listen", default="", metavar="HOST:PORT", help="Where to serve gRPC as well.")
@click.option(
    "--token-file", required=True, type=click.Path(path_type=Path), help="Who may ask: one `name token` a line; mode 600."
)
@click.option("--tls-cert", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Certificate chain, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Its key, PEM.")
@click.option("--model", default=None, help="Model to serve. Default: detector.model of the data folder.")
@click.option(
    "--pictures-per-s", type=click.FloatRange(1, 100_000), default=200, show_default=True, help="Most that one edge may ask."
)
@data_option
@json_option
def serve(
    listen: str,
    grpc_listen: str,
    token_file: Path,
    tls_cert: Path | None,
    tls_key: Path | None,
    model: str | None,
    pictures_per_s: float,
    data: Path,
    as_json: bool,
) -> None:
    """Look at pictures for other Guardians, until it is ended. Beyond this machine only over TLS, never without a token."""
    from guardian.platform.clock import SystemClock
    from guardian.platform.limits import harden
    from guardian.platform.logs import set_up_logs
    from guardian.processes.engines import engine_for
    from guardian.processes.infer_doors import Doors, serve
    from guardian.processes.infer_service import InferService, read_tokens
    from guardian.settings.load import load

    settings = load(data)
    doors = Doors(listen, grpc_listen, tls_cert, tls_key)
    doors.check()
    tokens = read_tokens(token_file)
    set_up_logs(as_json=settings.log.format == "json", level=settings.log.level)
    harden()
    detector = settings.detector.model_copy(update={"model": model} if model else {})
    engine = engine_for(data, detector, settings.plugins, lambda text: click.echo(text, err=True))
    service = InferService(engine, tokens, SystemClock(), pictures_per_s)

    def started(http: str, grpc: str) -> None:
        if as_json:
            emit({"http": http, "grpc": grpc, "model": service.model.model, "device": service.model.device})
        else:
            click.echo(
                f"{service.model.model} on {service.model.device}: HTTP at {http}" + (f", gRPC at {grpc}" if grpc else "")
            )

    try:
        serve(service, doors, started)
    finally:
        service.close()
