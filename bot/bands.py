"""What the bands promise here: the limits that the settings name, or those that operators have set since.

The operators' limits are one JSON file in the data folder. They count from the next start on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.config import Settings


class BandLimits(BaseModel):
    """Greatest share of reals in `high`, and of fakes in `low`, by their upper 95 % bounds; in (0, 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    high_false_alarms: float = Field(gt=0, lt=1)
    low_misses: float = Field(gt=0, lt=1)


def band_limits(settings: Settings) -> BandLimits:
    """The limits that the next start judges by.

    Raises:
        ConfigError: the operators' file cannot be used.
    """
    return operators_limits(settings.own_bands) or configured_limits(settings)


def configured_limits(settings: Settings) -> BandLimits:
    """The limits as the settings have them."""
    chosen = settings.analysis
    return BandLimits(high_false_alarms=chosen.high_false_alarms, low_misses=chosen.low_misses)


def operators_limits(path: Path) -> BandLimits | None:
    """The limits that operators have set, if they have.

    Raises:
        ConfigError: the file cannot be used.
    """
    try:
        return BandLimits.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        first = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
        raise ConfigError(f"the bands in {path} cannot be used ({first}); remove the file") from error


def save_operators_limits(limits: BandLimits | None, path: Path) -> None:
    """Write the operators' limits, whole or not at all; None: the settings' count again.

    Raises:
        OSError: the file cannot be written.
    """
    if limits is None:
        path.unlink(missing_ok=True)
        return
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(limits.model_dump(), indent=1) + "\n", "utf-8")
    partial.replace(path)
