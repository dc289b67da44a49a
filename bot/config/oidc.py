"""Settings of signing in to the console with an account of somebody else's: OpenID Connect."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.config.base import Section, is_loopback


class Oidc(Section):
    """OpenID Connect: operators sign in elsewhere. Needs `pip install 'veritag[oidc]'`."""

    issuer: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$",
            examples=["https://id.example.org"],
            description="The provider; its `/.well-known/openid-configuration` is read.",
        ),
    ] = None
    client_id: Annotated[str | None, Field(description="This console's name at the provider.")] = None
    client_secret: Annotated[SecretStr | None, Field(description="And its secret there.")] = None
    scopes: Annotated[
        str, Field(pattern=r"^openid( \S+)*$", description="What is asked for, separated by blanks.")
    ] = "openid"
    label: Annotated[
        str, Field(min_length=1, max_length=60, description="What the button says after `Sign in with`.")
    ] = "your organisation"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.issuer is None:
            return self
        if self.client_id is None or self.client_secret is None:
            raise PydanticCustomError(
                "crossed",
                "is set without the other two",
                {"field": "issuer", "mend": "set oidc.client_id and oidc.client_secret, too"},
            )
        host = self.issuer.split("/")[2].rsplit(":", 1)[0]
        if self.issuer.startswith("http:") and not is_loopback(host):
            raise PydanticCustomError(
                "crossed",
                "is not https, so anybody on the way could sign in",
                {"field": "issuer", "mend": "use its https address"},
            )
        return self
