"""The provider's settings: which region, endpoint and profile, and how previews and Cancel behave.

This file's law: ``SETTINGS`` is the one list of settings, and a value is judged alike wherever it comes from.
In order of precedence; an empty text counts as not set:

1. the inputs of an explicit provider (plugin),
2. the stack configuration, ``edas-scale:*``,
3. the configuration of the Alibaba Cloud provider, for the region and for whose account it is: ``alicloud:region``,
   ``alicloud:accessKey`` with ``alicloud:secretKey``, ``alicloud:profile``,
4. the environment, in the order of the table.

Pure: it reads only the mappings it is given. Keys are taken from the stack configuration alone, since a resource or a
provider would keep them in state, and no text ever repeats them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.choices import Network, OnCancel
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import InputError
from pulumi_edas_scale.domain.fields import (
    NUMBERS,
    Field,
    Kind,
    is_unknown,
    nearest,
    normalize,
    problem_of,
    quote_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pulumi_edas_scale.domain.codes import Failure

NAMESPACE: Final = "edas-scale"

PULUMI_KEYS: Final = frozenset({"version", "pluginDownloadURL"})
"""Provider inputs that are Pulumi's own, in every package."""


@dataclass(frozen=True, slots=True)
class Setting(Field):
    """One setting: the provider input of its name, and the key of the stack configuration after ``edas-scale:``.

    Attributes:
        meaning: one sentence for the documentation.
        borrowed: configuration keys of other packages that set it too.
        environment: environment variables that set it, in order of precedence.
    """

    meaning: str = ""
    borrowed: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The key of the stack configuration; also how messages name the setting."""
        return f"{NAMESPACE}:{self.name}"


SETTINGS: Final = (
    Setting(
        "regionId",
        Kind.REGION,
        meaning="The region of memberships that do not set one.",
        borrowed=("alicloud:region",),
        environment=("ALIBABA_CLOUD_REGION_ID", "ALICLOUD_REGION"),
    ),
    Setting(
        "endpoint",
        Kind.URL,
        meaning="The address of the EDAS API, with its scheme. By default the address of the region.",
        environment=("ALIBABA_CLOUD_ENDPOINT_EDAS",),
    ),
    Setting(
        "network",
        Kind.WORD,
        Network.PUBLIC.value,
        choices=Network,
        meaning="Which address of the region is used. public: the address on the internet. vpc: the address "
        "inside the VPCs of the region, which needs no internet access.",
    ),
    Setting(
        "profile",
        Kind.NAME,
        meaning="The profile of the Alibaba Cloud credentials file to sign calls with.",
        borrowed=("alicloud:profile",),
        environment=("ALIBABA_CLOUD_PROFILE", "ALICLOUD_PROFILE"),
    ),
    Setting(
        "callTimeoutSeconds",
        Kind.INTEGER,
        30,
        minimum=1,
        maximum=600,
        unit="seconds",
        meaning="The time limit of one call of EDAS, from connecting to the last byte of the response.",
        environment=("EDAS_SCALE_CALL_TIMEOUT_SECONDS",),
    ),
    Setting(
        "previewReads",
        Kind.BOOLEAN,
        default=True,
        meaning="Whether a preview reads the live group, so that it shows drift and the orders that would run.",
    ),
    Setting(
        "strictPreview",
        Kind.BOOLEAN,
        default=False,
        meaning="Whether a problem that the same update might fix, such as an instance that is not imported yet, "
        "is a failure instead of a warning.",
    ),
    Setting(
        "onCancel",
        Kind.WORD,
        OnCancel.DETACH.value,
        choices=OnCancel,
        meaning="What Cancel does with a change order in flight. detach: it goes on. abort: it is aborted.",
    ),
)
"""Every setting, in the order of the documentation."""


@dataclass(frozen=True, slots=True, repr=False)
class StaticKeys:
    """Keys that do not change by themselves; ``security_token`` is empty for a key without one."""

    access_key_id: str
    access_key_secret: str
    security_token: str


KEY_SETTINGS: Final = ("alicloud:accessKey", "alicloud:secretKey", "alicloud:securityToken")
"""Key, secret and optional token in the stack configuration of the Alibaba Cloud provider."""

ACCOUNT_SETTINGS: Final = ("alicloud:profile", *KEY_SETTINGS)
"""What a stack says of the account, for those who cannot see more than that it does."""

UNUSABLE_SETTINGS: Final = (
    "alicloud:assumeRole",
    "alicloud:assumeRoleWithOidc",
    "alicloud:credentialsUri",
    "alicloud:ecsRoleName",
    "alicloud:sharedCredentialsFile",
    "alicloud:signInUrl",
)
"""What else the Alibaba Cloud provider reads to find its account, and this package does not."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that hold; the meaning of each is that of the row of ``SETTINGS`` with its name.

    ``keys`` are those of the stack configuration, which come before the environment. ``ignored`` names what the stack
    says of the account and nobody here can use; ``region_source`` says in words where the region comes from: neither
    makes settings differ.
    """

    region_id: str | None = None
    endpoint: str | None = None
    network: str = Network.PUBLIC.value
    profile: str | None = None
    call_timeout_seconds: int = 30
    preview_reads: bool = True
    strict_preview: bool = False
    on_cancel: str = OnCancel.DETACH.value
    keys: StaticKeys | None = field(default=None, repr=False)
    ignored: tuple[str, ...] = field(default=(), compare=False)
    region_source: str = field(default="", compare=False)

    @property
    def place(self) -> str:
        """Which EDAS is asked, and with which profile, in words."""
        endpoint = f"endpoint {self.endpoint}" if self.endpoint else "the region's public endpoint"
        return f"{endpoint}, profile {self.profile}" if self.profile else endpoint


_NO_OTHER_NAMES: Final[Mapping[str, str]] = {}


def resolve_settings(
    config: Mapping[str, str],
    environ: Mapping[str, str],
    explicit: Mapping[str, object] | None = None,
    sources: Mapping[str, str] = _NO_OTHER_NAMES,
) -> Settings:
    """Return the settings that hold.

    Args:
        config: the whole stack configuration, keys with their namespace; other packages' keys are ignored.
        environ: the environment.
        explicit: the inputs of an explicit provider in camelCase, None when there is none. A value that is
            not known yet counts as set, and leaves the setting at its default.
        sources: how a message calls an explicit value by the name of its setting, where it is not a provider input.

    Raises:
        InputError: a value that holds cannot be right, or a setting does not exist; it names all of them.
    """
    reported = explicit or {}
    failures = [*_unknown_names(config, reported)]
    values: dict[str, Any] = {}
    region_source = ""
    for row in SETTINGS:
        called = sources.get(row.name, f"the input {row.name} of the provider")
        stated = [
            (reported.get(row.name), called),
            *((config.get(key), f"the stack configuration {key}") for key in (row.key, *row.borrowed)),
            *((environ.get(name), f"the environment variable {name}") for name in row.environment),
        ]
        for given, source in stated:
            # Empty counts as absent: it is how a shell or a CI job takes a variable away.
            if given is None or given == "":
                continue
            # The first source that says something holds, even when it is wrong: a fallback would hide the mistake.
            if not is_unknown(given):
                value = _decoded(row, given)
                problem = problem_of(row, value)
                if problem:
                    failures.append((row.key, problem + f" It comes from {source}."))
                values[row.snake] = normalize(row, value)
                region_source = source if row.kind is Kind.REGION else region_source
            break
    keys = None
    # A profile that is stated for this package alone wins over keys that are stated for the Alibaba Cloud provider.
    own_profile = reported.get("profile") or config.get(f"{NAMESPACE}:profile")
    if not own_profile or is_unknown(own_profile):
        keys, half = _stack_keys(config)
        failures += [half] if half else []
    if failures:
        raise InputError(failures)
    return Settings(
        **values,
        keys=keys,
        ignored=tuple(each for each in UNUSABLE_SETTINGS if config.get(each)),
        region_source=region_source,
    )


def _stack_keys(config: Mapping[str, str]) -> tuple[StaticKeys | None, Failure | None]:
    """Return the keys of the stack, and what is wrong when only a half of them is there."""
    key, secret, token = (config.get(name, "").strip() for name in KEY_SETTINGS)
    if key and secret:
        return StaticKeys(key, secret, token), None
    if not (key or secret):
        return None, None
    present, absent = KEY_SETTINGS[:2] if key else KEY_SETTINGS[1::-1]
    # With keys from elsewhere it might be another account.
    reason = f"is not set, but {present} is. Set both, or name a profile with {NAMESPACE}:profile."
    return None, (absent, Message("ES131", reason))


def _decoded(row: Setting, value: object) -> object:
    """Return what a text stands for: configuration, environment and the engine hold every setting as text."""
    if isinstance(value, str) and row.kind is Kind.BOOLEAN:
        return {"true": True, "false": False}.get(value.casefold(), value)
    if (
        isinstance(value, str)
        and row.kind in NUMBERS
        and re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,12})?", value)
    ):
        return float(value)
    return value


def _unknown_names(config: Mapping[str, str], explicit: Mapping[str, object]) -> Iterator[Failure]:
    names = [row.name for row in SETTINGS]
    configured = (key.partition(":")[2] for key in config if key.startswith(f"{NAMESPACE}:"))
    given = (name for name, value in explicit.items() if value is not None and not name.startswith("__"))
    for name in sorted({*configured, *given} - {*names, *PULUMI_KEYS}):
        meant = nearest(name, names)
        advice = f"Did you mean {NAMESPACE}:{meant}?" if meant else f"The settings are {', '.join(names)}."
        yield (
            f"{NAMESPACE}:{name if name.isidentifier() else quote_value(name)}",
            Message("ES121", f"there is no such setting. {advice}"),
        )
