"""`guardian models list|pull|use|bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from guardian.cli._output import data_option, emit, json_option

SWAP_WITHIN_S = 330.0  # a GPU compiles a big model for minutes; the conductor waits 300 s


@click.group(
    epilog="Examples:\n\n  guardian models list\n\n  guardian models pull yolox-s\n\n  guardian models bench --seconds 5"
)
def models() -> None:
    """List, fetch and measure detector models."""


@models.command("list", epilog="Example:\n\n  guardian models list --json")
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:
    """List the embedded model, those that can be fetched, and your own in DATA/models."""
    from guardian.detect.catalogue import Catalogue

    items = [_item(entry) for entry in Catalogue(data / "models").entries()]
    if as_json:
        emit({"items": items, "next": None})
        return
    table = Table(box=None, header_style="bold")
    for column in ("Model", "State", "Family", "Input", "Size", "Licence", "What"):
        table.add_column(column)
    for item in items:
        table.add_row(
            item["name"],
            item["state"],
            item["family"],
            f"{item['width']}×{item['height']}",
            f"{item['size_bytes'] / 1e6:.1f} MB",
            item["licence"],
            item["problem"] or f"{item['title']}. {item['note']}",
        )
    Console().print(table)


def _item(entry: Any) -> dict[str, Any]:
    card = entry.card
    size = sum(file.size_bytes for file in card.files) if card else 0
    if not size and entry.path is not None and entry.path.exists():
        size = entry.path.stat().st_size
    return {
        "name": entry.name,
        "state": entry.state,
        "title": card.title if card else "",
        "family": card.family if card else "",
        "task": card.task if card else "",
        "width": card.width if card else 0,
        "height": card.height if card else 0,
        "threshold": card.threshold if card else None,
        "map_50_95": card.map_50_95 if card else None,
        "size_bytes": size,
        "licence": card.licence if card else "",
        "source": card.source if card else "",
        "note": card.note if card else "",
        "problem": entry.problem,
    }


@models.command(epilog="Example:\n\n  guardian models pull yolox-s")
@click.argument("name")
@data_option
@json_option
def pull(name: str, data: Path, as_json: bool) -> None:
    """Fetch a model of the catalogue into DATA/models; its checksum must be right. The only command that goes to the internet."""
    from guardian.detect.catalogue import Catalogue
    from guardian.detect.fetch import fetch

    catalogue = Catalogue(data / "models")
    card = catalogue.to_fetch(name)
    total = sum(file.size_bytes for file in card.files)
    folder = data / "models" / name
    if as_json:
        paths = fetch(card, folder, lambda *_: None)
        emit({"name": name, "paths": [str(path) for path in paths], "size_bytes": total, "licence": card.licence})
        return
    with click.progressbar(length=total, label=name) as bar:
        fetch(card, folder, lambda done, _: bar.update(done - bar.pos))
    use = f'[detector] model = "{name}" in config.toml' if card.task == "detect" else f"a plugin for {card.task}"
    click.echo(f"{name} is there ({card.licence}, {card.source}). Use it: {use}.")


@models.command(epilog="Examples:\n\n  guardian models use yolox-s\n\n  guardian models use default --device GPU")
@click.argument("name", required=False)
@click.option("--backend", help="auto, or a runtime such as openvino or onnxruntime. Default: as it is.")
@click.option("--device", help="AUTO, or a device of the backend, such as CPU, GPU or NPU. Default: as it is.")
@data_option
@json_option
def use(name: str | None, backend: str | None, device: str | None, data: Path, as_json: bool) -> None:
    """Run model NAME (or a path) from now on, or the present one elsewhere. It is loaded and tried first: where that fails
    nothing changes. A Guardian that runs swaps without missing a picture; the choice is kept in config.toml."""
    from guardian.cli._client import call, running_url

    wish = {key: value for key, value in (("model", name), ("backend", backend), ("device", device)) if value is not None}
    if not wish:
        raise click.UsageError("Say what is to change: NAME, --backend or --device.")
    if (url := running_url(data)) is not None:
        answer = call(data, url, "PUT", "/api/v1/detector", wish, timeout_s=SWAP_WITHIN_S)
    else:
        answer = _use_later(data, wish)
    if as_json:
        emit({key: answer[key] for key in ("model", "backend", "device", "warning")})
        return
    click.echo(f"{answer['model']} runs on {answer['device']} ({answer['backend']}). {answer['warning']}".strip())


def _use_later(data: Path, wish: dict[str, str]) -> dict[str, Any]:
    """Try it here and keep the choice: no Guardian runs on this data folder."""
    from guardian.processes.engines import engine_for, remember
    from guardian.settings.load import load, save

    settings, said = load(data), list[str]()
    detector = settings.detector.model_copy(update=wish)
    engine = engine_for(data, detector, settings.plugins, said.append)
    ready = engine.ready
    engine.close()
    remember(data, detector)
    save(data, settings.model_copy(update={"detector": detector}))
    return {"model": ready.model, "backend": ready.backend, "device": ready.device, "warning": " ".join(said)}


@models.command(epilog="Example:\n\n  guardian models bench default yolox-s --seconds 5")
@click.argument("names", nargs=-1)
@click.option("--seconds", type=click.FloatRange(0.2, 600), default=3, show_default=True, help="How long for each.")
@data_option
@json_option
def bench(names: tuple[str, ...], seconds: float, data: Path, as_json: bool) -> None:
    """Measure models (all that are here, or NAMES) with every runtime that can run them."""
    from guardian.processes.bench_models import measure
    from guardian.settings.load import load

    items = []
    for item in measure(names, seconds, data, load(data).plugins):
        items.append(item)
        if not as_json:
            said = item["problem"] or f"{item['inferences_per_s']:8.1f} a second   {item['latency_ms']:7.2f} ms each"
            click.echo(f"{item['model']:20} {item['backend']:12} {said}")
    if as_json:
        emit({"items": items, "next": None})
