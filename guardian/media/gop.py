"""Groups of pictures: the samples since the last keyframe, so that a viewer or a decoder may begin at once."""

from collections.abc import Iterator

from guardian.model.media import Sample


class GopBuffer:
    """Keeps the current GOP, video and audio. One that outgrows its bounds is dropped whole until the next keyframe:
    half a GOP decodes to nothing.
    """

    def __init__(self, max_bytes: int = 16 * 1024 * 1024, max_samples: int = 3000) -> None:
        self._max_bytes, self._max_samples = max_bytes, max_samples
        self._samples: list[Sample] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(tuple(self._samples))

    def push(self, sample: Sample) -> None:
        """Take the run's next sample; a video keyframe begins anew."""
        if sample.kind == "video" and sample.is_key:
            self.clear()
        elif not self._samples:
            return
        self._samples.append(sample)
        self._bytes += len(sample.data)
        if self._bytes > self._max_bytes or len(self._samples) > self._max_samples:
            self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._samples, self._bytes = [], 0
