"""How well people are found and followed on PETS 2009, by the whole watch and by looks without memory, for each model."""

from __future__ import annotations

import os

import pytest
from guardian_bytetrack.tracker import ByteTracker

from tests.bench.figures import Figure, publish
from tests.support import pets
from tests.support.detectors import CARDS, engine, shared

MODELS = tuple(filter(None, os.environ.get("GUARDIAN_BENCH_MODELS", "").split(","))) or ("default", *CARDS)
TWO_SQUARES_AP50 = 0.887  # of the default model, when it was chosen
MOST_TIMES = 2.0

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("model", MODELS)
def test_people_found(model):
    pytest.importorskip("motmetrics", reason="tracking is judged by motmetrics (tests/requirements.txt)")
    shared("footage/pets09.avi")
    loaded = engine(model, "openvino")
    infer, threshold = pets.from_low_scores(loaded), loaded.spec.threshold
    whole, two = pets.look_at(infer, pets.whole_frame), pets.look_at(infer, pets.two_squares)
    watched = pets.watch(infer, ByteTracker(), threshold)
    followed = pets.tracking(watched)
    short = model.rpartition("/")[2]
    budget = {"budget": TWO_SQUARES_AP50, "at_least": True} if model == "default" else {}
    cost = {"budget": MOST_TIMES} if model == "default" else {}
    publish(
        f"people-{short}",
        Figure(f"{short}: AP50", round(pets.ap50(watched), 3), "", round(pets.ap50(two), 3), "two squares", **budget),
        Figure(f"{short}: AP50, whole frame squeezed", round(pets.ap50(whole), 3), ""),
        Figure(f"{short}: crops a frame", round(watched.crops_a_frame, 2), "", two.crops_a_frame, "two squares", 4.0),
        Figure(
            f"{short}: CPU against two squares", round(watched.cpu_s / two.cpu_s, 2), "times", 1.0, "two squares", **cost
        ),
        Figure(f"{short}: CPU a frame", round(watched.cpu_ms_a_frame, 1), "ms", round(two.cpu_ms_a_frame, 1), "two squares"),
        Figure(f"{short}: IDF1", followed["idf1"], ""),
        Figure(f"{short}: MOTA", followed["mota"], ""),
        model=model,
        recall_by_height={
            name: dict(zip(("recall", "people"), row, strict=True))
            for name, row in pets.recall_by_height(watched, threshold).items()
        },
        recall_by_height_two_squares=pets.recall_by_height(two, threshold),
        recall_by_height_whole=pets.recall_by_height(whole, threshold),
        tracking=followed,
    )
