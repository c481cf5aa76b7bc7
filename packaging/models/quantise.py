"""Makes an INT8 model from a model and the owner's own pictures: `python packaging/models/quantise.py MODEL OUT --pictures CLIP_OR_FOLDER`.

MODEL is a file with its card beside it (docs/reference, `guardian models list`), or `default`. OUT.xml, OUT.bin and OUT.toml come out, to be put
into DATA/models and used with `guardian models use OUT`. OpenVINO only.

Needs NNCF, which Guardian itself does not: `pip install nncf==3.4.0` (it needs no PyTorch). Calibration pictures are
cut and scaled exactly as Guardian does it; 100 to 300 of them, by day and by night, from the owner's cameras are enough. They stay on this machine.

`--check CLIP_OR_FOLDER` says what it costs: how many of the original's detections the new one finds too (same label, overlap above 0.5), how many it adds,
and milliseconds of processor a picture of both. Keep the original where that is not worth it: YOLOX-nano gains nothing and loses.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

from guardian_openvino import runtime as openvino_runtime  # noqa: E402

from guardian.detect.catalogue import Catalogue  # noqa: E402
from guardian.detect.engine import Engine  # noqa: E402
from guardian.detect.letterbox import letterbox  # noqa: E402
from guardian.interfaces import ModelSpec  # noqa: E402
from guardian.model.vision import Box, Detection  # noqa: E402

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def pictures(source: Path, most: int) -> Iterator[np.ndarray[Any, Any]]:
    """Yield up to `most` pictures (BGR) of a folder, or evenly spread over a video."""
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)[:most]:
            if (image := cv2.imread(str(path))) is not None:
                yield image
        return
    video = cv2.VideoCapture(str(source))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    if count < 1:
        raise SystemExit(f"{source}: neither a folder with pictures nor a video")
    for number in range(0, count, max(1, count // most)):
        video.set(cv2.CAP_PROP_POS_FRAMES, number)
        good, image = video.read()
        if good:
            yield image


def boxed(image: np.ndarray[Any, Any], engine: Engine) -> np.ndarray[Any, Any]:
    """Return a picture as the network wants it: (1, H, W, 3) uint8."""
    ready = engine.ready
    image = image if ready.colour == "bgr" else np.ascontiguousarray(image[..., ::-1])
    return letterbox(image, ready.width, ready.height, ready.pad)[0][None]


def quantise(spec: ModelSpec, engine: Engine, source: Path, most: int, out: Path) -> None:
    """Write OUT.xml, OUT.bin and OUT.toml. The preprocessing inside the graph is left out of the file: the runtime adds it again."""
    import nncf
    import openvino

    mean = np.array([float(part) for part in spec.option("mean", "0,0,0").split(",")], np.float32)
    scale = np.array([float(part) for part in spec.option("scale", "1,1,1").split(",")], np.float32)
    model = openvino.Core().read_model(spec.path)
    last = model.input(0).partial_shape[3]
    channels_last = last.is_static and last.get_length() == 3
    if model.input(0).partial_shape.is_dynamic:
        model.reshape([1, spec.height, spec.width, 3] if channels_last else [1, 3, spec.height, spec.width])

    def prepared(image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        blob = (boxed(image, engine).astype(np.float32) - mean) / scale
        return blob if channels_last else np.ascontiguousarray(blob.transpose(0, 3, 1, 2))

    calibration = nncf.Dataset(list(pictures(source, most)), prepared)
    done = nncf.quantize(model, calibration, preset=nncf.QuantizationPreset.MIXED, subset_size=most)
    openvino.save_model(done, str(out.with_suffix(".xml")), compress_to_fp16=False)
    card = [f'family = "{spec.family}"', f"width = {spec.width}", f"height = {spec.height}", f"threshold = {spec.threshold}"]
    card.append(f"labels = {json.dumps(spec.labels)}")
    if spec.keep:
        card.append(f"keep = {json.dumps(sorted(spec.keep))}")
    card += [f"{key} = [{spec.option(key)}]" for key in ("mean", "scale")]
    if groups := [group.split(",") for group in spec.option("same").split(";") if group]:
        card.append(f"same = {json.dumps(groups)}")
    card += [f"{key} = {spec.option(key)}" for key in ("iou",) if spec.option(key)]
    card += [f'colour = "{engine.ready.colour}"', f"pad = {engine.ready.pad}", f'note = "INT8 of {spec.name}"']
    out.with_suffix(".toml").write_text("\n".join(card) + "\n", encoding="utf-8")


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    w, h = min(a.x2, b.x2) - max(a.x1, b.x1), min(a.y2, b.y2) - max(a.y1, b.y1)
    common = max(0.0, w) * max(0.0, h)
    whole = (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - common
    return common / whole if whole > 0 else 0.0


def check(old: Engine, new: Engine, source: Path, most: int) -> dict[str, float]:
    """Compare the two on pictures that were not used for calibration."""
    both = kept = added = total = 0
    cost = {"old": 0.0, "new": 0.0}
    for image in pictures(source, most):
        found: dict[str, list[Detection]] = {}
        for name, engine in (("old", old), ("new", new)):
            blob, began = boxed(image, engine), _cpu_s()
            seen = engine.detect(blob)[0]
            cost[name] += _cpu_s() - began
            found[name] = [d for d in seen if d.score >= engine.spec.threshold]
        total += 1
        both += len(found["old"])
        kept += sum(any(_same(d, other) for other in found["new"]) for d in found["old"])
        added += sum(not any(_same(d, other) for other in found["old"]) for d in found["new"])
    return {
        "pictures": total,
        "detections": both,
        "found_again": round(kept / both, 3) if both else 1.0,
        "added": added,
        "cpu_ms_before": round(1000 * cost["old"] / max(1, total), 2),
        "cpu_ms_after": round(1000 * cost["new"] / max(1, total), 2),
    }


def _same(a: Detection, b: Detection) -> bool:
    return a.label == b.label and overlap(a.box, b.box) > 0.5


def _cpu_s() -> float:
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def main() -> None:
    """Quantise, then say what it costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model's file, or default")
    parser.add_argument("out", type=Path, help="name of the files to write, without suffix")
    parser.add_argument("--pictures", type=Path, required=True, help="folder or video to calibrate with")
    parser.add_argument("--check", type=Path, help="folder or video to compare on; best another than --pictures")
    parser.add_argument("--most", type=int, default=200, help="pictures of each (200)")
    wish = parser.parse_args()
    spec = Catalogue(wish.out.parent).find(wish.model)
    old = Engine(spec, openvino_runtime.make(spec, "CPU"), "openvino")
    quantise(spec, old, wish.pictures, wish.most, wish.out)
    print(f"{wish.out}.xml is there")
    if wish.check:
        new_spec = replace(Catalogue(wish.out.parent).find(str(wish.out.with_suffix(".xml"))))
        new = Engine(new_spec, openvino_runtime.make(new_spec, "CPU"), "openvino")
        print(check(old, new, wish.check, wish.most))


if __name__ == "__main__":
    main()
