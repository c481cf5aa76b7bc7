"""`guardian bench record|detect`."""

from __future__ import annotations

from pathlib import Path

import click

from guardian.cli._output import data_option, emit, json_option


@click.group(epilog="Examples:\n\n  guardian bench record --cameras 4 --seconds 30 --json\n\n  guardian bench detect --json")
def bench() -> None:
    """Measure recording and detection on this machine, side by side with a baseline."""


@bench.command()
@click.option("--cameras", type=click.IntRange(1, 64), default=4, show_default=True, help="How many cameras to record.")
@click.option("--seconds", type=click.FloatRange(2, 600), default=30, show_default=True, help="How long to measure.")
@json_option
def record(cameras: int, seconds: float, as_json: bool) -> None:
    """CPU of record + seal against `ffmpeg -c copy -f segment`, on the same RTSP cameras at the same time.

    Needs ffmpeg and GStreamer's RTSP server (Debian: ffmpeg python3-gi gir1.2-gst-rtsp-server-1.0 and the plugins base, good, bad).
    """
    from guardian.processes.bench_record import measure

    result = measure(cameras, seconds)
    if as_json:
        emit(result)
        return
    click.echo(f"Guardian, record + seal:       {result['cpu_s_per_camera_minute']:.3f} CPU-s a camera-minute")
    click.echo(f"ffmpeg -c copy -f segment:     {result['baseline_cpu_s_per_camera_minute']:.3f} CPU-s a camera-minute")
    click.echo(f"ratio:                         {result['ratio']:.2f}")


@bench.command()
@click.option("--seconds", type=click.FloatRange(1, 600), default=10, show_default=True, help="How long to measure each.")
@click.option("--model", default="default", show_default=True, help="Model to run.")
@data_option
@json_option
def detect(seconds: float, model: str, data: Path, as_json: bool) -> None:
    """Inferences a second through the whole pipeline against the bare model in a loop."""
    from guardian.processes.bench_detect import run

    result = run(seconds=seconds, model=model, data_dir=data)
    if as_json:
        emit(result)
        return
    click.echo(f"pipeline:    {result['inferences_per_s']:.1f} a second")
    click.echo(f"bare model:  {result['baseline_inferences_per_s']:.1f} a second")
    click.echo(f"ratio:       {result['ratio']:.2f}")
