"""Settings of the sites that the resolver reads: keys, and the order of their routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from bot.config.base import Names, Section, Unit
from bot.config.services import Key


def _routes(values: list[str]) -> list[str]:
    from bot.resolver.sites.table import SITES

    known = {record.name: [route.name for route in record.routes] for record in SITES}
    for value in values:
        site, colon, named = value.partition(":")
        routes = known.get(site.strip())
        if routes is None or not colon:
            raise _unknown(value, f'write "SITE: ROUTE ROUTE"; sites are {", ".join(known)}')
        if not set(named.split()) <= set(routes) or len(set(named.split())) < len(named.split()):
            raise _unknown(value, f"routes of {site.strip()} are {', '.join(routes)}, each once")
    return values


def _unknown(value: str, mend: str) -> PydanticCustomError:
    return PydanticCustomError("blank", "holds {value}", {"value": repr(value[:60]), "mend": mend})


_X = "Bearer token of an app at X; with it posts are read from the official API."
_REDDIT = "Reddit's own API, for an app of the kind `script` or `web app`"


class Sites(Section):
    """The sites that posts are read from: keys for their interfaces, and which routes are used."""

    routes: Annotated[
        Names,
        AfterValidator(_routes),
        Field(
            description="Routes of single sites in another order, or fewer: `SITE: ROUTE ROUTE`; none: off."
        ),
    ] = Field(default_factory=list)
    yt_dlp: Annotated[
        bool, Field(description="Use yt-dlp, in a process of its own, where a site has that route.")
    ] = True
    yt_dlp_processes: Annotated[
        int, Unit("processes"), Field(ge=1, le=32, description="Processes of yt-dlp at the same time.")
    ] = 2
    x_bearer_token: Annotated[Key | None, Field(description=_X)] = None
    reddit_client_id: Annotated[Key | None, Field(description=f"{_REDDIT}: its id.")] = None
    reddit_client_secret: Annotated[Key | None, Field(description=f"{_REDDIT}: its secret.")] = None
    google_api_key: Annotated[Key | None, Field(description="Google Drive's API key.")] = None
    vetric_instagram_token: Annotated[
        Key | None, Field(description="Key of api.vetric.io for Instagram, a paid service.")
    ] = None
    vetric_facebook_token: Annotated[
        Key | None, Field(description="Key of api.vetric.io for Facebook, a paid service.")
    ] = None

    def keys(self) -> Mapping[str, str]:
        """The keys that are set, by name."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: key.get_secret_value() for name, key in named.items() if isinstance(key, SecretStr)}

    def order(self) -> Mapping[str, tuple[str, ...]]:
        """By site, its routes in the operator's order."""
        pairs = (value.partition(":") for value in self.routes)
        return {site.strip(): tuple(named.split()) for site, _, named in pairs}
