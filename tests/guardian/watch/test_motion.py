"""Motion on drawn scenes: what moves, noise, light, masks."""

import cv2
import numpy as np
import pytest

from guardian.watch.motion import FIRST_FRAMES, WIDTH, MotionDetector

RANDOM = np.random.default_rng(5)
SCENE = cv2.GaussianBlur(RANDOM.integers(40, 200, (360, 640), np.uint8), (0, 0), 9)


def frame(noise=0.0, light=0.0, box=None):
    picture = SCENE.astype(np.float32) + light
    if box is not None:
        x, y, w, h = box
        picture[y : y + h, x : x + w] = 20
    if noise:
        picture += RANDOM.normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def settled(frames=40, noise=0.0, masks=()):
    detector = MotionDetector(masks)
    for _ in range(frames):
        detector.update(frame(noise))
    return detector


def test_the_first_frames_are_settling():
    detector = MotionDetector()
    told = [detector.update(frame()).settling for _ in range(FIRST_FRAMES + 3)]
    assert told == [True] * (FIRST_FRAMES + 1) + [False] * 2


@pytest.mark.parametrize("noise", [0.0, 4.0, 12.0])
def test_noise_is_no_motion_and_what_moves_is_found_in_it(noise):
    detector = settled(60, noise)
    assert [detector.update(frame(noise)).boxes for _ in range(10)] == [()] * 10
    (box,) = detector.update(frame(noise, box=(200, 100, 60, 120))).boxes
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((200 / 640, 100 / 360, 260 / 640, 220 / 360), abs=0.03)


def test_two_things_are_two_boxes_the_larger_first():
    picture = frame(box=(60, 60, 80, 120))
    picture[250:290, 500:540] = 20
    first, second = settled().update(picture).boxes
    assert first.x1 < 0.2 < 0.7 < second.x1


def test_a_speck_is_none():
    assert settled().update(frame(box=(300, 200, 3, 3))).boxes == ()


def test_a_lamp_is_light_and_not_motion():
    detector = settled()
    motion = detector.update(frame(light=45))
    assert motion.boxes == ()
    assert motion.settling
    for _ in range(FIRST_FRAMES + 1):
        motion = detector.update(frame(light=45))
    assert (motion.boxes, motion.settling) == ((), False)


def test_dusk_is_no_motion():
    detector = settled()
    for step in range(200):
        assert detector.update(frame(light=-0.1 * step)).boxes == ()


def test_what_comes_to_rest_joins_the_background():
    detector = settled()
    assert detector.update(frame(box=(200, 100, 60, 120))).boxes
    for _ in range(5 * 60):
        motion = detector.update(frame(box=(200, 100, 60, 120)))
    assert motion.boxes == ()


def test_a_mask_hides_what_moves_behind_it():
    mask = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    detector = settled(masks=(mask,))
    assert detector.update(frame(box=(100, 100, 60, 120))).boxes == ()
    assert len(detector.update(frame(box=(450, 100, 60, 120))).boxes) == 1


def test_after_a_reset_or_another_size_the_background_is_new():
    detector = settled()
    detector.reset()
    assert detector.update(frame(box=(200, 100, 60, 120))).settling
    assert detector.update(np.zeros((100, 200), np.uint8)).settling


def test_wide_pictures_are_made_small():
    detector = MotionDetector()
    detector.update(np.zeros((1080, 1920), np.uint8))
    assert detector._background.shape == (180, WIDTH)


def test_masks_may_be_replaced():
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    detector, mover = settled(), (100, 100, 60, 60)
    assert detector.update(frame(box=mover)).boxes
    detector.use_masks((left,))
    assert detector.update(frame()).settling, "the background is taken anew"
    for _ in range(FIRST_FRAMES + 1):
        detector.update(frame())
    assert not detector.update(frame(box=mover)).boxes
    assert detector.update(frame(box=(500, 100, 60, 60))).boxes


TEXTURE = cv2.GaussianBlur(RANDOM.integers(0, 255, (400, 700), np.uint8), (0, 0), 3)


def seen_from(x, y, box=None):
    """A frame of a camera that has moved by so many pixels, in which something stands."""
    picture = TEXTURE.copy()
    if box is not None:
        left, top, w, h = box
        picture[top : top + h, left : left + w] = 255
    return np.ascontiguousarray(picture[20 + y : 380 + y, 30 + x : 670 + x])


SWAY = [(4, 2), (-5, 1), (7, -3), (-2, -4), (6, 3), (-7, 0), (3, -2), (-4, 4)]


def test_a_camera_that_shakes_sees_only_what_moves():
    detector = MotionDetector()
    for _ in range(20):
        detector.update(seen_from(0, 0))
    assert [detector.update(seen_from(x, y)).boxes for x, y in SWAY] == [()] * len(SWAY)
    detector.update(seen_from(4, 2, box=(330, 120, 60, 140)))
    (box,) = detector.update(seen_from(-5, 1, box=(330, 120, 60, 140))).boxes
    left, top = (330 - 25) / 640, (120 - 21) / 360
    assert (box.x1, box.y1) == pytest.approx((left, top), abs=0.03)


def test_a_camera_that_was_turned_is_followed_and_sees_what_moves_at_once():
    detector = MotionDetector()
    for _ in range(20):
        detector.update(seen_from(0, 0))
    for _ in range(8):
        assert detector.update(seen_from(24, 10)).boxes == ()
    told = [detector.update(seen_from(24 + x // 2, 10 + y // 2)).boxes for x, y in SWAY]
    assert sum(map(len, told)) <= 6  # at the seam of what came into view
    assert detector.update(seen_from(24, 10, box=(330, 120, 60, 140))).boxes


def test_a_picture_that_stays_another_one_all_over_is_taken_anew():
    detector = settled()
    other = frame()
    other[::24] = 255
    other[1::24] = other[2::24] = other[3::24] = other[4::24] = other[5::24] = other[6::24] = 255
    told = [detector.update(other) for _ in range(30)]
    assert told[0].boxes or told[0].settling
    assert told[-1].boxes == ()


def rain(drops=20):
    picture = frame()
    for x, y in zip(RANDOM.integers(0, 620, drops), RANDOM.integers(0, 320, drops), strict=True):
        picture[y : y + 24, x : x + 4] = 255
    return picture


def test_rain_is_no_motion_and_who_walks_in_it_is_found():
    detector = settled()
    told = [detector.update(rain()).boxes for _ in range(20)]
    assert sum(map(len, told[3:])) <= 25  # of 340 drops: where one falls beside the place of the last
    for x in (200, 210):
        picture = rain()
        picture[100:220, x : x + 60] = 20
        boxes = detector.update(picture).boxes
    assert any(box.x1 < 215 / 640 and box.x2 > 255 / 640 and box.height > 0.3 for box in boxes)


def test_a_small_thing_that_goes_on_is_found_with_its_second_frame():
    detector = settled()
    assert detector.update(frame(box=(300, 150, 12, 26))).boxes == ()
    (box,) = detector.update(frame(box=(308, 150, 12, 26))).boxes
    assert box.x1 == pytest.approx(304 / 640, abs=0.03)
