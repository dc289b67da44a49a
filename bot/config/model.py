"""The settings: their names, types, ranges, units, defaults and what each is for.

`Settings()` is the defaults and nothing else; `bot.config.load` reads the file and the environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from bot.config.base import Folder, LowerCase, Names, Seconds, Section, Unit
from bot.config.bluesky import Bluesky
from bot.config.keeping import Media
from bot.config.limits import Analysis, Fetch
from bot.config.manners import Manners
from bot.config.mastodon import Mastodon
from bot.config.oidc import Oidc
from bot.config.public import Public
from bot.config.serve import Serve
from bot.config.services import LanguageModel, Services, Speech, WebDetection, is_here
from bot.config.sites import Sites
from bot.config.web import Web
from bot.config.x import X

ENV_PREFIX = "VERITAG_"
ENV_DELIMITER = "__"


class Inbox(Section):
    """The platform `inbox`: a folder of posts and mentions."""

    folder: Annotated[Folder | None, Field(description="Folder that holds mentions.jsonl and posts/.")] = None
    page_size: Annotated[
        int, Unit("mentions"), Field(ge=1, le=10_000, description="Mentions that are read at once.")
    ] = 100


class Watch(Section):
    """The watcher: how mentions are looked for."""

    interval: Annotated[
        Seconds,
        Field(ge=0, le=86_400, description="Time between two looks; never less than the platform allows."),
    ] = 60.0
    first_start: Annotated[
        Literal["now", "all"],
        LowerCase,
        Field(description="Where the first start begins: at mentions made from now on, or at all there are."),
    ] = "now"
    max_age_hours: Annotated[
        float,
        Unit("hours"),
        Field(gt=0, le=10_000_000, allow_inf_nan=False, description="Older mentions are stored as ignored."),
    ] = 48.0
    page_pause: Annotated[Seconds, Field(ge=0, le=3600, description="Pause between two pages of a look.")] = (
        0.0
    )


class Queue(Section):
    """The queue: how often a step is tried before it ends in a named failure."""

    attempts: Annotated[int, Unit("tries"), Field(ge=1, le=100, description="Tries of one step.")] = 9
    backoff_base: Annotated[
        Seconds,
        Field(gt=0, le=3600, description="Wait before the second try; it doubles with each further one."),
    ] = 10.0
    backoff_max: Annotated[Seconds, Field(gt=0, le=86_400, description="Longest wait between two tries.")] = (
        3600.0
    )
    lease: Annotated[
        Seconds,
        Field(gt=0, le=86_400, description="A claimed step whose worker vanished is taken again after this."),
    ] = 600.0

    @model_validator(mode="after")
    def _backoff_grows(self) -> Self:
        if self.backoff_max < self.backoff_base:
            raise PydanticCustomError(
                "crossed",
                "is less than queue.backoff_base",
                {"field": "backoff_max", "mend": "raise it, or lower queue.backoff_base"},
            )
        return self


class Analyst(Section):
    """The analyst: how posts are resolved and their media handed to the engine."""

    interval: Annotated[Seconds, Field(ge=0, le=3600, description="Time between two looks at the queue.")] = (
        5.0
    )
    resolve_workers: Annotated[
        int,
        Unit("threads"),
        Field(ge=1, le=64, description="Posts whose media are fetched at the same time."),
    ] = 4
    in_flight: Annotated[
        int, Unit("media"), Field(ge=1, le=256, description="Media that wait in or for the engine.")
    ] = 8


class Reply(Section):
    """The responder: what is answered, where and when."""

    interval: Annotated[
        Seconds, Field(ge=0, le=3600, description="Time between two looks at the outbox.")
    ] = 5.0
    pending_after: Annotated[
        Seconds,
        Field(ge=0, le=900, description="An asker who has waited this long is told that the check goes on."),
    ] = 300.0
    give_up_after: Annotated[
        float,
        Unit("hours"),
        Field(
            gt=0,
            le=10_000,
            allow_inf_nan=False,
            description="What a platform refuses for this long, as too often or without right, is given up.",
        ),
    ] = 24.0
    target: Annotated[
        Literal["mention", "media_post"],
        LowerCase,
        Field(description="The post that is replied to: the mention, or the post that holds the media."),
    ] = "mention"
    language: Annotated[
        str,
        Field(
            pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
            examples=["en"],
            description="Language of replies where neither the mention nor the post names one.",
        ),
    ] = "en"
    estimate: Annotated[
        bool,
        Field(description="Tell the estimated probability; a reply cannot show what it rests on, so off."),
    ] = False
    link: Annotated[
        bool,
        Field(
            description="Add a link where there is something to see, as a public page; X charges far more."
        ),
    ] = False
    card: Annotated[bool, Field(description="Send a picture with each verdict that says it at a glance.")] = (
        True
    )
    card_medium: Annotated[
        Literal["blurred", "clear", "none"],
        LowerCase,
        Field(description="How what was checked is seen on that picture; sensitive media are never clear."),
    ] = "blurred"


class Log(Section):
    """Logs, written to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        LowerCase,
        Field(description="Least severity that is written."),
    ] = "info"
    format: Annotated[
        Literal["text", "json"],
        LowerCase,
        Field(description="For people, or one JSON object a line for machines."),
    ] = "text"


class Settings(BaseSettings):
    """Everything that can be set, with its default."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
        env_ignore_empty=True,
    )

    data_dir: Annotated[
        Folder, Field(description="Folder of the database, media and everything else that the bot keeps.")
    ] = Path(".veritag")
    test_mode: Annotated[
        bool, Field(description="Do everything, but write replies to a file: nothing is posted.")
    ] = False
    platforms: Annotated[Names, Field(description="Platforms that are watched, such as `inbox`.")] = Field(
        default_factory=list
    )
    inbox: Inbox = Inbox()
    x: X = X()
    mastodon: Mastodon = Mastodon()
    bluesky: Bluesky = Bluesky()
    watch: Watch = Watch()
    queue: Queue = Queue()
    analyst: Analyst = Analyst()
    reply: Reply = Reply()
    manners: Manners = Manners()
    fetch: Fetch = Fetch()
    sites: Sites = Sites()
    media: Media = Media()
    analysis: Analysis = Analysis()
    services: Services = Services()
    language_model: LanguageModel = LanguageModel()
    speech: Speech = Speech()
    web_detection: WebDetection = WebDetection()
    web: Web = Web()
    oidc: Oidc = Oidc()
    public: Public = Public()
    serve: Serve = Serve()
    log: Log = Log()

    @property
    def own_calibration(self) -> Path:
        """Where `veritag calibrate` keeps what it fitted."""
        return self.data_dir / "calibration.json"

    @property
    def own_bands(self) -> Path:
        """Where the limits of the bands are that operators have set."""
        return self.data_dir / "bands.json"

    @model_validator(mode="after")
    def _inbox_has_a_folder(self) -> Self:
        if "inbox" in self.platforms and self.inbox.folder is None:
            raise PydanticCustomError(
                "crossed",
                "is not set, though platforms holds inbox",
                {"field": "inbox.folder", "mend": "name the folder, or take inbox out of platforms"},
            )
        return self

    @model_validator(mode="after")
    def _public_pages_can_be_reached(self) -> Self:
        needed = {"web.enabled": self.web.enabled, "web.public_url": self.web.public_url}
        for field, value in (needed | {"public.contact": self.public.contact}).items():
            if self.public.enabled and not value:
                mend = f"set {field}, or switch public.enabled off"
                raise PydanticCustomError(
                    "crossed",
                    "is not set, though public.enabled is on",
                    {"field": field, "mend": mend},
                )
        return self

    @model_validator(mode="after")
    def _private_services_are_here(self) -> Self:
        if not self.services.private:
            return self
        asked = {
            "language_model": self.language_model.base_url,
            "speech": self.speech.base_url if self.speech.folder is None else None,
            "web_detection": self.web_detection.base_url if self.web_detection.key else None,
        }
        for section, address in asked.items():
            if address is not None and not is_here(address):
                mend = f"use a loopback address, take [{section}] out, or switch services.private off"
                raise PydanticCustomError(
                    "crossed",
                    "is not on this machine, though services.private keeps media here",
                    {"field": f"{section}.base_url", "mend": mend},
                )
        return self

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what the caller passes: `load` merges the sources, to know where each value is from."""
        return (init_settings,)
