"""Hears smoke and CO alarms, barking and sudden loudness by level and frequency, without a model."""

from collections.abc import Sequence

from guardian.sdk import AudioDetector, AudioDetectorKind, Plugin, hookimpl
from guardian_audio_events.config import AudioEventsConfig

LABELS = ("smoke_alarm", "co_alarm", "bark", "loud")


class AudioEventsPlugin(Plugin):
    """Brings the audio detector `audio_events`."""

    Config = AudioEventsConfig

    @hookimpl
    def register_audio_detectors(self) -> Sequence[AudioDetectorKind]:
        return [AudioDetectorKind("audio_events", "Alarms, barking, loudness", LABELS, self._make)]

    def _make(self) -> AudioDetector:
        from guardian_audio_events.detector import AudioEvents  # numpy, only in the process that listens

        assert isinstance(self.config, AudioEventsConfig)
        return AudioEvents(self.config)
