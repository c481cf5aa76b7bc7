"""What listening hears: a sound with its name and its time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound, such as `smoke_alarm`. Times in UTC microseconds; one that goes on is told again with a later end."""

    label: str
    score: float
    start_us: int
    end_us: int
