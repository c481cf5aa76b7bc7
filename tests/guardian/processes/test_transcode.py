import io
import socket
import threading
from itertools import pairwise

import av
import pytest

from guardian.media.fmp4_read import fragment_info
from guardian.media.fmp4_write import init_segment
from guardian.model.errors import Damaged, NotAVideo
from guardian.model.media import Codec, Fragment, StreamInfo
from guardian.model.messages import TranscodeReply, TranscodeRequest
from guardian.platform.ipc import BlockingLink
from guardian.platform.tasks import Tasks
from guardian.processes import transcode as process
from guardian.processes.spawning import start_process
from guardian.processes.transcode import TranscodeJob, transcode
from guardian.record.segmenter import Segmenter
from guardian.services.transcode import TranscodeService
from tests.support.footage import stream, video


def fragments(info: StreamInfo, samples: list) -> list[bytes]:
    segmenter = Segmenter(info)
    steps = [step for sample in samples for step in segmenter.push(sample, 0)]
    return [step.data for step in (*steps, *segmenter.flush()) if isinstance(step, Fragment)]


def decoded(data: bytes) -> tuple[str, list[float]]:
    with av.open(io.BytesIO(data)) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
        return container.streams.video[0].codec_context.name, times


@pytest.mark.parametrize("bframes", [0, 2])
def test_every_picture_comes_out_in_h264_at_its_time(bframes: int) -> None:
    info, samples = stream(video(Codec.H265, bframes=bframes), Codec.AAC)
    init, source = init_segment(info), fragments(info, samples)
    made = [transcode(init, [one]) for one in source]
    assert len({new for new, _ in made}) == 1  # one init segment serves them all
    codec, times = decoded(made[0][0] + b"".join(fragment for _, fragment in made))
    assert codec == "h264"
    _, before = decoded(init + b"".join(source))
    ends = [(run.first_dts, run.first_dts + run.duration) for run in (fragment_info(one).tracks[1] for _, one in made)]
    assert all(end == begin for (_, end), (begin, _) in pairwise(ends))  # players stop at holes
    assert times == pytest.approx(sorted(before), abs=0.001)
    assert max(b - a for a, b in pairwise(times)) < 0.07


def test_sound_passes_through() -> None:
    info, samples = stream(video(Codec.H265), Codec.AAC)
    init, source = init_segment(info), fragments(info, samples)
    new_init, fragment = transcode(init, source[:1])
    before, after = fragment_info(source[0]).tracks[2], fragment_info(fragment).tracks[2]
    assert (after.first_dts, after.samples, after.duration) == (before.first_dts, before.samples, before.duration)
    with av.open(io.BytesIO(new_init + fragment)) as container:
        assert [one.codec_context.name for one in container.streams] == ["h264", "aac"]
        assert sum(frame.samples for frame in container.decode(audio=0)) > 30_000


def test_a_fragment_within_a_gop_needs_those_before_it() -> None:
    info, samples = stream(video(Codec.H265, frames=75, gop=60))
    init, source = init_segment(info), fragments(info, samples)
    assert not next(iter(fragment_info(source[1]).tracks.values())).first_is_sync
    new_init, fragment = transcode(init, source[:2])
    run = fragment_info(fragment).tracks[1]
    assert (run.first_dts, run.samples) == (180_000, fragment_info(source[1]).tracks[1].samples)
    assert run.first_is_sync
    assert len(decoded(new_init + fragment)[1]) == run.samples


def test_the_init_segment_alone() -> None:
    info, samples = stream(video(Codec.H265))
    init = init_segment(info)
    alone, nothing = transcode(init, [])
    assert nothing == b""
    assert alone == transcode(init, fragments(info, samples)[:1])[0]


def test_a_tall_picture_is_made_smaller() -> None:
    info, _ = stream(video(Codec.H265, frames=2, width=1280, height=960))
    init, _ = transcode(init_segment(info), [])
    with av.open(io.BytesIO(init)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (960, 720)


def test_pictures_that_need_the_gop_before_leave_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    info, samples = stream(video(Codec.H265))
    init, source = init_segment(info), fragments(info, samples)
    whole = process._decode(init, source[1:2])
    monkeypatch.setattr(process, "_decode", lambda *_: whole[3:])
    run = fragment_info(transcode(init, source[1:2])[1]).tracks[1]
    before = fragment_info(source[1]).tracks[1]
    assert (run.first_dts, run.duration, run.samples) == (before.first_dts, before.duration, before.samples - 3)


def test_what_cannot_be_decoded_is_an_error() -> None:
    info, samples = stream(video(Codec.H265))
    init, source = init_segment(info), fragments(info, samples)
    torn = source[0][:-200] + bytes(200)
    head = source[0].index(b"mdat") + 4
    hollow = source[0][:head] + bytes(len(source[0]) - head)
    with pytest.raises((NotAVideo, Damaged, av.FFmpegError)):
        transcode(init, [hollow])
    with pytest.raises((NotAVideo, Damaged, av.FFmpegError)):
        transcode(b"no mp4", [source[0]])
    assert transcode(init, [torn])[1]  # a few bad pictures spoil not all


def test_the_process_answers_until_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "harden", lambda: None)
    monkeypatch.setattr(process, "set_up_logs", lambda: None)
    info, samples = stream(video(Codec.H265))
    init, source = init_segment(info), fragments(info, samples)
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=process.main, args=(TranscodeJob(theirs),))
    thread.start()
    link = BlockingLink(ours)
    link.send(TranscodeRequest(1, 6, (4,)), b"no mp4mdat")
    reply, _ = link.receive()
    assert isinstance(reply, TranscodeReply)
    assert (reply.ticket, bool(reply.error)) == (1, True)
    link.send(TranscodeRequest(2, len(init), (len(source[0]),)), init + source[0])
    reply, payload = link.receive()
    assert isinstance(reply, TranscodeReply)
    assert (reply.ticket, reply.error) == (2, "")
    assert decoded(payload)[0] == "h264"
    link.close()
    thread.join(5)
    assert not thread.is_alive()


async def test_a_real_child_process_transcodes() -> None:
    tasks = Tasks()
    service = TranscodeService(
        lambda sock: start_process("guardian.processes.transcode:main", TranscodeJob(sock), "transcoder"), tasks
    )
    info, samples = stream(video(Codec.H265))
    init, source = init_segment(info), fragments(info, samples)
    done = await service.transcode(init, source[:1])
    assert decoded(done.init + done.fragment)[0] == "h264"
    await service.close()
    await tasks.close()
