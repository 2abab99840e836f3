"""The ``connection`` section: which service, as whom, and how patiently.

Decides what may be said about the connection. Does not open it, and does not check the dialect, whose spellings
belong to a higher layer (see ``Check``). Read by ``remote``.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from extractor.config.fields import AccountName, Address, Duration, FilePath, Hidden, Secret, Section, Size, Switch
from extractor.config.units import MIB


class Timeouts(Section):
    """How long one request may be silent. There is no limit on a whole transfer: a big page may take its time."""

    connect: Duration = Field(
        default=10.0,
        gt=0,
        description="Seconds until a connection, with its TLS handshake, must stand. Longer means the way is broken.",
    )
    first_byte: Duration = Field(
        default=120.0,
        gt=0,
        description="Seconds from the request to the first byte of the answer. Generous: the server reads a page "
        "from disk before it speaks.",
    )
    between_bytes: Duration = Field(
        default=60.0,
        gt=0,
        description="Seconds without a byte after which a transfer counts as stuck and is asked for again.",
    )


class PnAuth(Section):
    """The vendor's custom scheme: every request carries a signature made from the shared secret."""

    scheme: Literal["pnauthinfo3"] = Field(description="Selects the vendor's signed scheme, PNAUTHINFO3.")
    user_id: AccountName = Field(
        description="The API user, active in the account. Its permissions decide what may be exported.",
        examples=["nightly"],
    )
    secret: Secret = Field(
        description="The shared secret, as ${env:NAME} or ${file:PATH} only: the file is copied, shown and committed.",
        examples=["${env:EXTRACTOR_SECRET}"],
    )
    hash: Literal["sha256", "sha384", "sha512"] = Field(
        default="sha256", description="The hash of the signature; the account's setting decides."
    )
    keyed: Switch = Field(
        default=True, description="HMAC signatures, which the vendor recommends. false: the un-keyed variant."
    )
    backdate: Duration = Field(
        default=5.0,
        description="Seconds by which the signed time lies in the past. The server refuses times in its future and "
        "accepts 15 minutes of age, so a few seconds cover clock skew at no cost. 0 is allowed.",
    )


class OAuth(Section):
    """OAuth 2.0 client credentials: a bearer token is fetched and renewed."""

    scheme: Literal["oauth"] = Field(description="Selects OAuth 2.0 client credentials.")
    token_url: Address = Field(
        description="The token endpoint, https. PossibleNOW support issues it for each environment.",
        examples=["https://login.example/oauth/token"],
    )
    client_id: AccountName = Field(
        description="The OAuth client id (48 characters), not the account's client_id of the connection.",
        examples=["0123456789abcdef0123456789abcdef0123456789abcdef"],
    )
    client_secret: Secret = Field(
        description="The OAuth client secret, as ${env:NAME} or ${file:PATH} only.",
        examples=["${env:EXTRACTOR_CLIENT_SECRET}"],
    )
    user_id: AccountName = Field(
        description="The API user that the token acts for; it makes the scope, client_id/user_id.",
        examples=["nightly"],
    )
    credentials: Literal["basic", "body"] = Field(
        default="basic",
        description="Where id and secret travel in the token request: a Basic header (preferred by RFC 6749) or body.",
    )


class Connection(Section):
    """One account of one service."""

    base_url: Address = Field(
        description="Everything before Async/{clientId}: https, without query. Plain http only to this machine.",
        examples=["https://preferences.example/Profiles/v4"],
    )
    client_id: AccountName = Field(
        description="The MyPreferences account id, part of every path. Not the OAuth client id.", examples=["ACME"]
    )
    auth: Annotated[PnAuth | OAuth, Field(discriminator="scheme")] = Field(
        description="Who asks, and how that is proved.", examples=["{scheme: pnauthinfo3, ...}"]
    )
    dialect: dict[str, Any] = Field(
        default={},
        description="Overrides of the service's paths and spellings where its documents are silent; normally empty.",
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="How long one request may be silent.")
    ca_file: FilePath | None = Field(
        default=None,
        description="PEM file of certificate authorities to trust instead of the system's, relative to the working "
        "directory. For companies whose proxy re-signs TLS.",
    )
    proxy: Hidden | None = Field(
        default=None,
        description="Proxy address, as ${env:NAME} or ${file:PATH} only, because it may hold a password.",
    )
    max_response: Size = Field(
        default=512 * MIB,
        gt=0,
        description="Bytes of one answer, decompressed, beyond which it is refused: memory stays bounded whatever "
        "the server sends.",
    )
