"""Hears smoke and CO alarms, barking and sudden loudness by level and frequency, without a model."""

from collections.abc import Sequence

from guardian.sdk import AudioDetectorKind, Plugin, hookimpl
from guardian_audio_events.config import AudioEventsConfig
from guardian_audio_events.detector import LABELS, AudioEvents


class AudioEventsPlugin(Plugin):
    """Brings the audio detector `audio_events`."""

    Config = AudioEventsConfig

    @hookimpl
    def register_audio_detectors(self) -> Sequence[AudioDetectorKind]:
        config = self.config
        assert isinstance(config, AudioEventsConfig)
        return [AudioDetectorKind("audio_events", "Alarms, barking, loudness", LABELS, lambda: AudioEvents(config))]
