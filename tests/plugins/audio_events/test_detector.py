"""Alarms, barking and loudness in synthesised sound, and what must not be taken for them."""

import numpy as np
import pytest
from guardian_audio_events.config import AudioEventsConfig
from guardian_audio_events.detector import AudioEvents

RATE = 16_000
START_US = 1_764_000_000_000_000


def silence(seconds, level=0.001, seed=1):
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.float32)


def tone(seconds, hz=3100.0, level=0.3, square=False):
    phase = 2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE
    if square:
        return (level * sum(np.sin(k * phase) / k for k in (1, 3, 5, 7, 9))).astype(np.float32)
    return (level * np.sin(phase)).astype(np.float32)


def rhythm(on, off, count, pause, turns, **kwargs):
    turn = [part for _ in range(count) for part in (tone(on, **kwargs), np.zeros(round(off * RATE), np.float32))]
    turn[-1] = np.zeros(round(pause * RATE), np.float32)
    return np.concatenate(turn * turns)


def t3(turns=3, **kwargs):
    return rhythm(0.5, 0.5, 3, 1.5, turns, **kwargs)


def t4(turns=2, **kwargs):
    return rhythm(0.1, 0.1, 4, 5.0, turns, **kwargs)


def over_noise(sound, level, seed=3):
    return sound + silence(len(sound) / RATE, level, seed)[: len(sound)]


def ringing(sound, seconds=0.25, seed=4):
    """A room: an exponential tail of noise."""
    tail = np.random.default_rng(seed).normal(0, 1, round(seconds * RATE)) * np.exp(-np.arange(seconds * RATE) / RATE * 25)
    tail[0] = 8.0
    size = len(sound) + len(tail)
    return (np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)[: len(sound)] / 10).astype(np.float32)


def speech_like(seconds, seed=5):
    """Voiced noise with a speaker's pitch, formants and four syllables a second."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    pitch = np.cumsum(120 + 25 * np.sin(2 * np.pi * 0.4 * t)) / RATE
    voice = sum(np.sin(2 * np.pi * k * pitch) / k ** (1.0 if k < 6 else 1.6) for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t + rng.uniform(0, 6)) + 0.5, 0.03, None)
    phrases = (np.sin(2 * np.pi * 0.25 * t) > -0.6) * 0.97 + 0.03
    return (0.1 * voice * syllables * phrases + rng.normal(0, 0.002, len(t))).astype(np.float32)


def music_like(seconds, seed=6):
    """Chords of a beat's length with overtones, some of them high."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(round(seconds / 0.5)):
        t = np.arange(round(0.5 * RATE)) / RATE
        notes = 220 * 2 ** (rng.choice([0, 3, 5, 7, 10, 12, 24, 36, 45], 3) / 12)
        chord = sum(np.sin(2 * np.pi * hz * k * t) / k for hz in notes for k in range(1, 6) if hz * k < 7500)
        parts.append(0.08 * chord * np.exp(-t * 3))
    return np.concatenate(parts).astype(np.float32)


def barks(count, every=0.6, seed=7):
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        lasts = 0.16
        t = np.arange(round(lasts * RATE)) / RATE
        pitch = np.cumsum(600 + 500 * np.sin(np.pi * t / lasts)) / RATE
        body = sum(np.sin(2 * np.pi * k * pitch) / k for k in (1, 2, 3, 4)) + rng.normal(0, 0.3, len(t))
        parts += [(0.25 * body * np.sin(np.pi * t / lasts) ** 0.3).astype(np.float32), silence(every - lasts)]
    return np.concatenate(parts)


def heard(*parts, block=1600, **config):
    """What is heard after four quiet seconds: label → (score, start, end) in seconds from the first of `parts`."""
    samples = np.concatenate([silence(4.0), *parts]).astype(np.float32)
    ear, out = AudioEvents(AudioEventsConfig(**config)), {}
    for at in range(0, len(samples), block):
        for sound in ear.hear(START_US + at * 1_000_000 // RATE, samples[at : at + block]):
            start = out[sound.label][1] if sound.label in out else (sound.start_us - START_US) / 1e6 - 4
            out[sound.label] = (sound.score, start, (sound.end_us - START_US) / 1e6 - 4)
    return out


@pytest.mark.parametrize("hz", [2900, 3100, 3400])
def test_a_smoke_alarm_is_heard_from_its_first_tone(hz):
    score, start, end = heard(over_noise(t3(hz=hz), 0.001), silence(1))["smoke_alarm"]
    assert score >= 0.9
    assert start == pytest.approx(0, abs=0.06)
    assert end == pytest.approx(10.5, abs=0.1)


def test_a_smoke_alarm_for_sleepers_at_520_hz():
    assert "smoke_alarm" in heard(over_noise(t3(hz=520, square=True), 0.001), silence(1))


@pytest.mark.parametrize("level", [0.003, 0.02])
def test_a_smoke_alarm_is_heard_over_noise(level):
    assert "smoke_alarm" in heard(over_noise(t3(turns=4, level=0.15), level), silence(2, level))


def test_a_smoke_alarm_in_a_room_that_rings():
    assert "smoke_alarm" in heard(over_noise(ringing(t3(turns=4)), 0.001), silence(2))


def test_a_smoke_alarm_is_heard_while_somebody_shouts():
    alarm = t3(turns=4, level=0.3)
    assert "smoke_alarm" in heard(alarm + 0.5 * speech_like(len(alarm) / RATE)[: len(alarm)], silence(2))


def test_a_carbon_monoxide_alarm():
    found = heard(over_noise(t4(turns=3), 0.001), silence(2))
    assert "co_alarm" in found
    assert "smoke_alarm" not in found


def test_one_turn_is_no_alarm_yet():
    assert "smoke_alarm" not in heard(t3(turns=1), silence(5))


@pytest.mark.parametrize(
    "beeps",
    [
        rhythm(0.1, 0.1, 4, 0.6, 8),  # a kitchen timer
        rhythm(1.0, 1.0, 5, 1.0, 3),  # a microwave oven
        rhythm(0.5, 0.5, 3, 1.5, 4, hz=1000.0),  # the right rhythm at a lorry's pitch
        rhythm(0.5, 0.5, 4, 1.5, 4),  # four tones, not three
        rhythm(0.5, 0.5, 3, 4.0, 3),  # a pause that is too long
        np.concatenate([rhythm(0.5, 0.5, 3, 1.5, 1, hz=hz) for hz in (2900.0, 3300.0) * 3]),  # a melody
        tone(20.0),  # a whistle that does not end
        rhythm(0.05, 40.0, 1, 40.0, 2),  # the chirp of an empty battery
    ],
    ids=["timer", "microwave", "lorry", "four", "long pause", "melody", "whistle", "battery"],
)
def test_other_beeps_are_no_alarm(beeps):
    assert not {"smoke_alarm", "co_alarm"} & set(heard(over_noise(beeps, 0.001), silence(6)))


@pytest.mark.parametrize("seed", range(2))
def test_a_minute_of_speech_and_music_are_neither_alarm_nor_barking(seed):
    sound = np.concatenate([speech_like(30, seed), music_like(30, seed + 20)])
    assert not {"smoke_alarm", "co_alarm", "bark"} & set(heard(sound, silence(2)))


def test_barking_is_heard_and_one_bark_is_not():
    found = heard(barks(5), silence(2))
    assert found["bark"][1] == pytest.approx(0, abs=0.06)
    assert "bark" not in heard(barks(1), silence(2))


def test_hammering_is_no_barking():
    rng = np.random.default_rng(9)
    knocks = [np.concatenate([(rng.normal(0, 0.4, 800) * np.exp(-np.arange(800) / 60)), silence(0.5)]) for _ in range(8)]
    assert "bark" not in heard(*knocks)


def test_loudness_is_told_from_its_begin_and_only_over_the_background():
    crash = np.random.default_rng(2).normal(0, 0.3, RATE * 2).astype(np.float32)
    assert heard(crash, silence(1))["loud"][1:] == (pytest.approx(0, abs=0.05), pytest.approx(2, abs=0.05))
    assert heard(silence(60, 0.2, 8), crash, silence(1))["loud"][2] < 30  # then it was the background
    assert "loud" not in heard(crash[: RATE // 5], silence(1))
    assert "loud" not in heard(crash * 0.01, silence(1))


def test_nothing_is_heard_in_silence_and_after_a_gap_it_begins_anew():
    ear = AudioEvents(AudioEventsConfig())
    assert ear.hear(START_US, np.zeros(16_000, np.float32)) == []
    assert ear.hear(START_US + 60_000_000, tone(1.0)) == []


def test_blocks_of_any_size_are_heard_alike():
    sound = over_noise(t3(), 0.001)
    assert heard(sound, silence(1), block=1600) == heard(sound, silence(1), block=777)
