"""What the sections of the configuration are made of: the section itself, and the kinds of values."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number, as documentation and error messages name it."""

    text: str


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _no_blanks(values: list[str]) -> list[str]:
    cleaned = [value.strip() for value in values]
    if not all(cleaned):
        raise PydanticCustomError("blank", "holds an empty name", {"mend": "remove it"})
    return list(dict.fromkeys(cleaned))


def _handles(values: list[str]) -> list[str]:
    return [value.removeprefix("@") for value in values]


def _expanded(value: Path) -> Path:
    try:
        return value.expanduser()
    except RuntimeError:
        raise PydanticCustomError(
            "home", "names the home of nobody here", {"mend": "write the folder's whole path"}
        ) from None


def _networks(values: list[str]) -> list[str]:
    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise PydanticCustomError(
                "network",
                "holds {value}, which is not a network",
                {"value": repr(value), "mend": 'write networks as "10.0.0.0/8" or "fd00::/8"'},
            ) from error
    return values


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own: no other machine reaches it, nothing sent there leaves."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


LowerCase = BeforeValidator(_lower)
Seconds = Annotated[float, Unit("seconds"), Field(allow_inf_nan=False)]
Bytes = Annotated[int, Unit("bytes")]
Dollars = Annotated[float, Unit("US dollars"), Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Names = Annotated[list[str], AfterValidator(_no_blanks)]
Handles = Annotated[list[str], AfterValidator(_no_blanks), AfterValidator(_handles)]
Folder = Annotated[Path, AfterValidator(_expanded)]
Networks = Annotated[Names, AfterValidator(_networks)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class Section(BaseModel):
    """A table of settings; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
