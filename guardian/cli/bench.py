"""`guardian bench record|detect|watch|seal|seek|index`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from guardian.cli._output import data_option, emit, json_option


@click.group(epilog="Examples:\n\n  guardian bench record --cameras 4 --seconds 30 --json\n\n  guardian bench detect --json")
def bench() -> None:
    """Measure recording, detection, sealing and looking at footage on this machine, side by side with a baseline."""


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
    click.echo(f"memory of a camera's process:  {result['memory_mb_per_camera']:.0f} MB")


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


@bench.command(epilog="Example:\n\n  guardian bench watch --json\n\n  guardian bench watch --busy street.mp4")
@click.option("--calm", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A film in which nothing moves.")
@click.option("--busy", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A film in which much moves.")
@data_option
@json_option
def watch(calm: Path | None, busy: Path | None, data: Path, as_json: bool) -> None:
    """CPU of watching 1080p15 film, calm and busy, against ffmpeg that decodes every frame to 720p at 5 fps, and against
    watching without laziness. Inference is counted apart. Takes some minutes; needs ffmpeg.

    Films are made of people.mp4 and pets09.avi in the folder $GUARDIAN_FOOTAGE (or ../shared/data/footage), else of the demo's clip.
    """
    from guardian.processes.bench_watch import measure

    result = measure(calm, busy, data)
    if as_json:
        emit(result)
        return
    click.echo("CPU-s a camera-minute      ours   ffmpeg   without laziness   ratio   (inference)")
    for name, one in result.items():
        ours, ffmpeg = one["cpu_s_per_camera_minute"], one["baseline_cpu_s_per_camera_minute"]
        eager, inference = one["eager_cpu_s_per_camera_minute"], one["inference_cpu_s_per_camera_minute"]
        click.echo(f"{name:24} {ours:7.2f} {ffmpeg:8.2f} {eager:18.2f} {one['ratio']:7.2f} {inference:13.2f}")


SEAL_SIZES = (1_048_576, 262_144)  # fragments of two seconds at 4 Mb/s, which `bench record` records, and of a small stream


@bench.command(epilog="Example:\n\n  guardian bench seal --block-bytes 524288 --json")
@click.option(
    "--block-bytes",
    type=click.IntRange(1024, 16 << 20),
    multiple=True,
    default=SEAL_SIZES,
    show_default=True,
    help="Size of a fragment; may be given several times.",
)
@click.option("--rounds", type=click.IntRange(1, 100), default=7, show_default=True, help="Measure so often; medians count.")
@json_option
def seal(block_bytes: tuple[int, ...], rounds: int, as_json: bool) -> None:
    """Sealing against `openssl speed -evp aes-256-gcm` at the same block sizes, by turns.

    The JSON object holds the first size, and all of them below `sizes`. A camera of 4 Mb/s that sends a keyframe every two
    seconds fills fragments of a megabyte.
    """
    from guardian.processes.bench_seal import measure

    results = [measure(size, rounds) for size in block_bytes]
    if as_json:
        emit({**results[0], "sizes": results})
        return
    click.echo("fragment of      sealed   bare cipher   openssl    ratio")
    for one in results:
        ours, bare, openssl = one["seal_gb_per_s"], one["bare_gb_per_s"], one["baseline_gb_per_s"]
        click.echo(f"{one['block_bytes']:9} B {ours:7.2f} GB/s {bare:7.2f} GB/s {openssl:4.2f} GB/s {one['ratio']:6.2f}")


days_option = click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="Days in the index.")
cameras_option = click.option(
    "--cameras", type=click.IntRange(1, 64), default=8, show_default=True, help="Cameras in the index."
)


@bench.command(epilog="Example:\n\n  guardian bench seek --days 30 --cameras 8 --json")
@days_option
@cameras_option
@click.option("--moments", type=click.IntRange(1, 1000), default=100, show_default=True, help="Random moments to go to.")
@json_option
def seek(days: int, cameras: int, moments: int, as_json: bool) -> None:
    """From a random moment to its first fragment, in a generated archive. Takes a minute to make, and 16 MB a moment."""
    from guardian.processes.bench_seek import seek as measure

    _say_quantiles(measure(days=days, cameras=cameras, moments=moments), "first fragment", "bare read", as_json)


@bench.command(epilog="Example:\n\n  guardian bench index --days 30 --cameras 8 --json")
@days_option
@cameras_option
@click.option("--times", type=click.IntRange(1, 10_000), default=200, show_default=True, help="Random days to ask for.")
@json_option
def index(days: int, cameras: int, times: int, as_json: bool) -> None:
    """A day's timeline of all cameras, from a generated index."""
    from guardian.processes.bench_seek import timeline as measure

    _say_quantiles(measure(days=days, cameras=cameras, times=times), "a day of all cameras", "bare SQLite", as_json)


def _say_quantiles(result: dict[str, Any], what: str, baseline: str, as_json: bool) -> None:
    if as_json:
        emit(result)
        return
    click.echo(f"{result['segments']} segments")
    click.echo(f"{what}: {result['p50_ms']:.1f} ms (median), {result['p99_ms']:.1f} ms (99 %)")
    click.echo(f"{baseline}: {result['baseline_ms']:.1f} ms")
