from guardian.media.gop import GopBuffer
from guardian.model.media import Sample


def sample(dts: int, key: bool = False, kind: str = "video", size: int = 10) -> Sample:
    return Sample("video" if kind == "video" else "audio", bytes(size), dts, 0, 1, key or kind == "audio", 0)


def test_it_keeps_the_gop_and_its_sound() -> None:
    gop = GopBuffer()
    gop.push(sample(0))  # before any keyframe
    gop.push(sample(0, kind="audio"))
    assert len(gop) == 0
    for one in (sample(1, key=True), sample(2, kind="audio"), sample(3)):
        gop.push(one)
    assert [s.dts for s in gop] == [1, 2, 3]
    gop.push(sample(4, key=True))
    assert [s.dts for s in gop] == [4]


def test_a_gop_that_outgrows_its_bounds_goes_until_the_next_keyframe() -> None:
    for gop in (GopBuffer(max_bytes=25), GopBuffer(max_samples=2)):
        for one in (sample(1, key=True), sample(2), sample(3), sample(4)):
            gop.push(one)
        assert len(gop) == 0
        gop.push(sample(5, key=True))
        assert [s.dts for s in gop] == [5]
