"""Hardware decodes only where its picture is the stream's own, and software does where it fails, now or later."""

import pytest

from guardian.model.media import Codec
from guardian.watch.decode import Decoder
from guardian.watch.hardware import AUTO, SOFTWARE, candidates, choose, pick
from tests.support.footage import stream, video


class Wrong:
    """Decodes, but another picture: what a broken driver gives."""

    def __init__(self, decoder, other):
        self._decoder, self._other, self.faults = decoder, other, 0

    def decode(self, sample):
        return self._decoder.decode(self._other)

    def drain(self):
        return self._decoder.drain()


class Nothing:
    faults = 0

    def decode(self, sample):
        return []

    drain = lambda self: []  # noqa: E731


@pytest.fixture(params=[Codec.H264, Codec.H265])
def clip(request):
    info, samples = stream(video(request.param))
    return info, samples


def opener(info, hardware):
    return lambda kind: Decoder(info, 0) if kind == SOFTWARE else hardware()


def test_hardware_that_gives_the_same_picture_is_taken(clip):
    info, samples = clip
    chosen = pick(["qsv"], opener(info, lambda: Decoder(info, 0)), lambda: Decoder(info, 0), samples[0], set())
    assert (chosen.name, chosen.problem) == ("qsv", "")
    assert len(chosen.decoder.decode(samples[0]) + chosen.decoder.drain()) == 1  # fresh: the trial left nothing in it


def test_hardware_that_gives_another_picture_is_not(clip):
    info, samples = clip
    key = next(sample for sample in samples[1:] if sample.is_key)
    refused = set()
    chosen = pick(["qsv"], opener(info, lambda: Wrong(Decoder(info, 0), key)), lambda: Decoder(info, 0), samples[0], refused)
    assert chosen.name == SOFTWARE
    assert "Intel Quick Sync: its picture differs" in chosen.problem
    assert refused == {"qsv"}


def test_hardware_that_gives_nothing_or_raises_is_not_and_the_next_is_tried(clip):
    info, samples = clip

    def hardware(kind):
        if kind == "vaapi":
            raise OSError("no such device\nand more")
        return Nothing() if kind == "qsv" else Decoder(info, 0)

    chosen = pick(["vaapi", "qsv", "cuda"], hardware, lambda: Decoder(info, 0), samples[0], set())
    assert chosen.name == "cuda"
    chosen = pick(["vaapi", "qsv"], opener(info, lambda: hardware("vaapi")), lambda: Decoder(info, 0), samples[0], set())
    assert chosen.problem == "VA-API: no such device; Intel Quick Sync: no such device"


def test_what_failed_once_is_not_tried_again(clip):
    info, samples = clip
    chosen = pick(["qsv"], opener(info, Nothing), lambda: Decoder(info, 0), samples[0], {"qsv"})
    assert (chosen.name, chosen.problem) == (SOFTWARE, "")


@pytest.mark.parametrize("kind", ["cuda", "qsv", "vaapi"])
def test_hardware_that_is_asked_for_and_not_there_is_said_and_software_decodes(clip, kind):
    info, samples = clip
    chosen = choose(kind, info, 0, samples[0], loop_filter=True, refused=set())
    if chosen.name == SOFTWARE:  # a machine that has it may use it
        assert chosen.problem
    assert len(chosen.decoder.decode(samples[0]) + chosen.decoder.drain()) == 1


def test_without_a_graphics_device_nothing_is_tried(tmp_path):
    assert candidates(AUTO, tmp_path) == ()
    assert candidates(SOFTWARE, tmp_path) == ()
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri" / "renderD128").touch()
    assert candidates(AUTO, tmp_path, ("cuda", "qsv")) == ("qsv",)
    (tmp_path / "nvidiactl").touch()
    assert candidates(AUTO, tmp_path, ("cuda", "qsv", "vaapi")) == ("qsv", "cuda", "vaapi")
    assert candidates("cuda", tmp_path) == ("cuda",)
