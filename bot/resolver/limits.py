"""Every number that bounds a transfer, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields

from bot.errors import ConfigError

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds on one fetch. Sizes are bytes, times are seconds, ``min_rate`` is bytes per second.

    Raises:
        ConfigError: a number that is not positive, or a port that is none.
    """

    max_bytes: int = 200 * MIB
    """Of one medium, both as sent and after decompression; also the cap for local files."""
    max_duration: float = 1800.0
    """Of a video or sound, where its site says how long it is before it is fetched."""
    total_seconds: float = 180.0
    """One fetch with its lookups, redirects and retries, without the wait for a free slot of the host."""
    queue_seconds: float = 600.0
    """The longest wait for a free slot of the host."""
    lookup_seconds: float = 10.0
    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    """The longest silence of a server."""
    min_rate: float = 4096.0
    """A body that comes slower, over any ``rate_window`` seconds, is given up."""
    rate_window: float = 20.0
    max_redirects: int = 10
    max_header_bytes: int = 64 * 1024
    max_headers: int = 200
    max_url_length: int = 8192
    max_addresses: int = 4
    """Addresses of one host tried in turn before the connection counts as failed."""
    per_host: int = 4
    """Transfers from one host at the same time."""
    host_interval: float = 0.0
    """Between the starts of two transfers from one host."""
    attempts: int = 3
    backoff_seconds: float = 0.5
    """Before the first retry; doubles each time, with jitter."""
    ports: frozenset[int] = frozenset({80, 443})

    def __post_init__(self) -> None:
        """Refuse numbers that would switch a protection off."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "ports":
                if not value or any(not 0 < port < 65536 for port in value):
                    raise ConfigError(
                        f"{field.name} needs port numbers between 1 and 65535, not {sorted(value)}"
                    )
            elif field.name in {"max_redirects", "host_interval"}:
                if not value >= 0:
                    raise ConfigError(f"{field.name} must be 0 or more, not {value}")
            elif not value > 0:  # also catches NaN
                raise ConfigError(f"{field.name} must be greater than 0, not {value}")
