"""Settings of what the detectors `transcript` and `reverse_search` ask of others."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.config.base import Dollars, Folder, LowerCase, Seconds, Section, Unit, is_loopback


def _usable_key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not (text.strip() and text.isascii() and text.isprintable()):
        raise PydanticCustomError(
            "key", "is empty or holds characters that no key has", {"mend": "copy it again"}
        )
    return SecretStr(text.strip())


# Narrow on purpose: whichever library reads such an address, it finds the same host.
_ADDRESS = r"^https?://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?$"
_HERE = "http://127.0.0.1:8000/v1"
Address = Annotated[str, Field(max_length=500, pattern=_ADDRESS, examples=[_HERE])]
Key = Annotated[SecretStr, AfterValidator(_usable_key)]
Model = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
_CAP = "Most that it may cost in a day (UTC); at 0 only free answers are had."


def is_here(address: str) -> bool:
    """Whether a service's address is on this machine."""
    return is_loopback(urlsplit(address).hostname or "")


class Services(Section):
    """What holds for every service that a detector asks; see docs/services.md."""

    private: Annotated[
        bool,
        Field(description="Media stay on this machine: services that are not on loopback are refused."),
    ] = False
    connect_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest wait to connect.")] = 10.0
    read_timeout: Annotated[Seconds, Field(gt=0, le=3600, description="Longest silence of a service.")] = 60.0
    total_timeout: Annotated[
        Seconds, Field(gt=0, le=3600, description="Longest wait for one answer, all tries included.")
    ] = 150.0
    attempts: Annotated[int, Unit("tries"), Field(ge=1, le=10, description="Tries of one question.")] = 3
    page_bytes: Annotated[
        int,
        Unit("bytes"),
        Field(ge=1024, le=50_000_000, description="How much of a page found on the web is read."),
    ] = 2_000_000
    page_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest reading of one page.")] = 20.0


class _Endpoint(Section):
    """A section with an address; what off-machine ones need is checked here."""

    def _check(self, address: str | None, prices: dict[str, float | None]) -> None:
        if address is None or is_here(address):
            return
        if not address.startswith("https:"):
            fault = "would show keys and media to the network by plain http"
            raise _crossed("base_url", fault, "use https, or a service on 127.0.0.1")
        for name, price in prices.items():
            if price is None:
                fault = "is not set, so no cap on the costs could hold"
                raise _crossed(name, fault, "say in dollars what it costs there; 0 if nothing")

    def _with_model(self, address: str | None, model: str | None) -> None:
        if address is not None and model is None:
            raise _crossed("model", "is not set, though base_url is", "name the model to ask there")


class _OpenAI(_Endpoint):
    """A section for a model at an OpenAI-compatible endpoint."""

    base_url: Annotated[
        Address | None,
        Field(examples=[_HERE], description="The endpoint with its version; plain http on loopback only."),
    ] = None
    model: Annotated[Model | None, Field(description="The model's name there.")] = None
    key: Annotated[Key | None, Field(description="The endpoint's API key, if it asks for one.")] = None


class LanguageModel(_OpenAI):
    """The language model at an OpenAI-compatible endpoint; it must see pictures for `reverse_search`."""

    input_price: Annotated[
        float | None,
        Unit("dollars per million tokens"),
        Field(
            ge=0,
            le=100_000,
            allow_inf_nan=False,
            description="Price of what is sent; must be set off this machine.",
        ),
    ] = None
    output_price: Annotated[
        float | None,
        Unit("dollars per million tokens"),
        Field(
            ge=0,
            le=100_000,
            allow_inf_nan=False,
            description="Price of what is answered; must be set off this machine.",
        ),
    ] = None
    daily_budget: Annotated[Dollars, Field(description=_CAP)] = 1.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self._with_model(self.base_url, self.model)
        if (self.input_price is None) != (self.output_price is None):
            missing = "input_price" if self.input_price is None else "output_price"
            raise _crossed(missing, "is not set, though the other price is", "set both or neither")
        self._check(self.base_url, {"input_price": self.input_price, "output_price": self.output_price})
        return self


class Speech(_OpenAI):
    """Speech recognition for `transcript`: a model on this machine, or an OpenAI-compatible endpoint."""

    folder: Annotated[
        Folder | None,
        Field(description="Folder of a faster-whisper model (model.bin); it goes before base_url."),
    ] = None
    device: Annotated[
        Literal["cpu", "cuda"], LowerCase, Field(description="Where the model in the folder runs.")
    ] = "cpu"
    compute_type: Annotated[
        Literal["int8", "int8_float16", "float16", "float32"],
        LowerCase,
        Field(description="Number format that it computes in; the float16 ones need a GPU."),
    ] = "int8"
    threads: Annotated[
        int, Unit("threads"), Field(ge=0, le=256, description="Threads that it may use; 0: its own choice.")
    ] = 2
    price: Annotated[
        float | None,
        Unit("dollars per minute of sound"),
        Field(
            ge=0,
            le=100_000,
            allow_inf_nan=False,
            description="What the endpoint costs; must be set off this machine.",
        ),
    ] = None
    daily_budget: Annotated[Dollars, Field(description=_CAP)] = 1.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.folder is None:
            self._with_model(self.base_url, self.model)
            self._check(self.base_url, {"price": self.price})
        return self


class WebDetection(_Endpoint):
    """Web detection for `reverse_search`: Google Cloud Vision. Without a key nothing is searched."""

    key: Annotated[
        Key | None, Field(description="API key for the Cloud Vision API; it switches the search on.")
    ] = None
    base_url: Annotated[Address, Field(examples=[_HERE], description="The interface with its version.")] = (
        "https://vision.googleapis.com/v1"
    )
    price: Annotated[
        float,
        Unit("dollars per picture"),
        Field(ge=0, le=100_000, allow_inf_nan=False, description="What one search costs."),
    ] = 0.0035
    daily_budget: Annotated[Dollars, Field(description=_CAP)] = 1.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self._check(self.base_url, {"price": self.price})
        return self


def _crossed(field: str, fault: str, mend: str) -> PydanticCustomError:
    return PydanticCustomError("crossed", fault, {"field": field, "mend": mend})
