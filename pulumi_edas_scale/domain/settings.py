"""The provider's settings: which region, endpoint and profile, and how previews and Cancel behave.

This file's law: ``SETTINGS`` is the one list of settings, and a value is judged alike wherever it comes from.
The first of these that tells a setting wins, and an empty text tells nothing:

1. the inputs of an explicit provider (plugin),
2. the stack configuration, ``edas-scale:*``,
3. the configuration of the Alibaba Cloud provider, for the region and for whose account it is: ``alicloud:region``,
   ``alicloud:accessKey`` with ``alicloud:secretKey``, ``alicloud:profile``,
4. the environment, in the order of the table.

Pure: it reads only the mappings it is given. Keys are taken from the stack configuration alone, since a resource or a
provider would keep them in state, and no text ever repeats them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from pulumi_edas_scale.domain.errors import InputError
from pulumi_edas_scale.domain.fields import (
    LONGEST_ID,
    is_unknown,
    join_or,
    nearest,
    quote_value,
    region_problem,
    snake_case,
    wrong,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

NAMESPACE: Final = "edas-scale"

PULUMI_KEYS: Final = frozenset({"version", "pluginDownloadURL"})
"""Provider inputs that are Pulumi's own, in every package."""


class Form(enum.Enum):
    """What the value of a setting must be."""

    REGION = "region id"
    URL = "URL"
    NAME = "name"
    BOOLEAN = "boolean"
    SECONDS = "seconds"
    NETWORK = "public or vpc"
    ON_CANCEL = "detach or abort"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: in camelCase; the provider input and the key of the stack configuration after ``edas-scale:``.
        form: what a value must be.
        default: what holds when nobody tells it; None leaves it open.
        meaning: one sentence for the documentation.
        borrowed: configuration keys of other packages that tell it too.
        environment: environment variables that tell it, the first one first.
    """

    name: str
    form: Form
    default: str | bool | int | None
    meaning: str
    borrowed: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def snake(self) -> str:
        """The name of the field of ``Settings``."""
        return snake_case(self.name)

    @property
    def key(self) -> str:
        """The key of the stack configuration; also how messages name the setting."""
        return f"{NAMESPACE}:{self.name}"


ON_CANCEL: Final = ("detach", "abort")
NETWORKS: Final = ("public", "vpc")
LONGEST_CALL: Final = 600

SETTINGS: Final = (
    Setting(
        "regionId",
        Form.REGION,
        None,
        "The region of memberships that do not state one.",
        ("alicloud:region",),
        ("ALIBABA_CLOUD_REGION_ID", "ALICLOUD_REGION"),
    ),
    Setting(
        "endpoint",
        Form.URL,
        None,
        "The address of the EDAS API, with its scheme; without it the address of the region is used.",
        environment=("ALIBABA_CLOUD_ENDPOINT_EDAS",),
    ),
    Setting(
        "network",
        Form.NETWORK,
        NETWORKS[0],
        "Which address of the region is used: vpc is reached from a VPC of that region without internet access.",
    ),
    Setting(
        "profile",
        Form.NAME,
        None,
        "The profile of the Alibaba Cloud credentials file to sign calls with.",
        ("alicloud:profile",),
        ("ALIBABA_CLOUD_PROFILE", "ALICLOUD_PROFILE"),
    ),
    Setting(
        "callTimeoutSeconds",
        Form.SECONDS,
        30,
        "The longest a call of EDAS may take, from connecting to the last byte of the answer.",
        environment=("EDAS_SCALE_CALL_TIMEOUT_SECONDS",),
    ),
    Setting(
        "previewReads",
        Form.BOOLEAN,
        True,  # noqa: FBT003  # the default of the row
        "Whether a preview reads the live group, so that it shows drift and the orders that would run.",
    ),
    Setting(
        "strictPreview",
        Form.BOOLEAN,
        False,  # noqa: FBT003  # as above
        "Whether what the same update might still mend, such as an instance that is not imported yet, is a "
        "failure and not a warning.",
    ),
    Setting(
        "onCancel",
        Form.ON_CANCEL,
        ON_CANCEL[0],
        "What Cancel does with a change order in flight: detach leaves it running, abort stops it.",
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
    network: str = NETWORKS[0]
    profile: str | None = None
    call_timeout_seconds: int = 30
    preview_reads: bool = True
    strict_preview: bool = False
    on_cancel: str = ON_CANCEL[0]
    keys: StaticKeys | None = field(default=None, repr=False)
    ignored: tuple[str, ...] = field(default=(), compare=False)
    region_source: str = field(default="", compare=False)


def resolve_settings(
    config: Mapping[str, str], environ: Mapping[str, str], explicit: Mapping[str, object] | None = None
) -> Settings:
    """Return the settings that hold.

    Args:
        config: the whole stack configuration, keys with their namespace; other packages' keys are ignored.
        environ: the environment.
        explicit: the inputs of an explicit provider in camelCase, None when there is none. A value that is
            not known yet counts as told, and leaves the setting at its default.

    Raises:
        InputError: a value that holds cannot be right, or a setting does not exist; it names all of them.
    """
    reported = explicit or {}
    failures = [*_unknown_names(config, reported)]
    found: dict[str, _Found] = {}
    for row in SETTINGS:
        origin = _first_told(row, config, environ, reported)
        if origin is None:
            continue
        problem = _CHECKS[row.form](origin.value)
        if problem:
            failures.append((row.key, f"{problem} It comes from {origin.source}."))
        found[row.name] = origin
    keys = None
    if "profile" not in found or found["profile"].source not in _OWN_PROFILES:
        keys, half = _stack_keys(config)
        failures += [half] if half else []
    if failures:
        raise InputError(failures)
    return Settings(
        region_id=_text(found, "regionId"),
        endpoint=_address(_text(found, "endpoint")),
        network=_text(found, "network") or NETWORKS[0],
        profile=_text(found, "profile"),
        call_timeout_seconds=_seconds(found, "callTimeoutSeconds"),
        preview_reads=_flag(found, "previewReads"),
        strict_preview=_flag(found, "strictPreview"),
        on_cancel=_text(found, "onCancel") or ON_CANCEL[0],
        keys=keys,
        ignored=tuple(each for each in UNUSABLE_SETTINGS if config.get(each)),
        region_source=found["regionId"].source if "regionId" in found else "",
    )


_OWN_PROFILES: Final = ("the input profile of the provider", "the stack configuration edas-scale:profile")
"""A profile that is stated for this package alone; it wins over keys that are stated for the Alibaba Cloud provider."""


def _stack_keys(config: Mapping[str, str]) -> tuple[StaticKeys | None, tuple[str, str] | None]:
    """Return the keys of the stack, and what is wrong when only a half of them is there."""
    key, secret, token = (config.get(name, "").strip() for name in KEY_SETTINGS)
    if key and secret:
        return StaticKeys(key, secret, token), None
    if not (key or secret):
        return None, None
    present, absent = KEY_SETTINGS[:2] if key else KEY_SETTINGS[1::-1]
    # With keys from elsewhere it might be another account.
    return None, (
        absent,
        f"is not set, but {present} is. Set both, or name a profile with {NAMESPACE}:profile.",
    )


@dataclass(frozen=True, slots=True)
class _Found:
    value: object
    source: str


def _first_told(
    row: Setting, config: Mapping[str, str], environ: Mapping[str, str], explicit: Mapping[str, object]
) -> _Found | None:
    """Return the value that wins; None when nobody tells one, or when it is not known yet."""
    for value, source in _sources(row, config, environ, explicit):
        if is_unknown(value):
            return None
        if value is not None and value != "":
            return _Found(value, source)
    return None


def _sources(
    row: Setting, config: Mapping[str, str], environ: Mapping[str, str], explicit: Mapping[str, object]
) -> Iterator[tuple[object, str]]:
    yield explicit.get(row.name), f"the input {row.name} of the provider"
    for key in (row.key, *row.borrowed):
        yield config.get(key), f"the stack configuration {key}"
    for name in row.environment:
        yield environ.get(name), f"the environment variable {name}"


def _unknown_names(config: Mapping[str, str], explicit: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    names = [row.name for row in SETTINGS]
    configured = (key.partition(":")[2] for key in config if key.startswith(f"{NAMESPACE}:"))
    given = (name for name, value in explicit.items() if value is not None and not name.startswith("__"))
    for name in sorted({*configured, *given} - {*names, *PULUMI_KEYS}):
        meant = nearest(name, names)
        advice = f"Did you mean {NAMESPACE}:{meant}?" if meant else f"The settings are {', '.join(names)}."
        yield (
            f"{NAMESPACE}:{name if name.isidentifier() else quote_value(name)}",
            f"there is no such setting. {advice}",
        )


def _text(found: Mapping[str, _Found], name: str) -> str | None:
    value = found[name].value if name in found else None
    return value if isinstance(value, str) else None


def _flag(found: Mapping[str, _Found], name: str) -> bool:
    if name not in found:
        return _DEFAULTS[name] is True
    value = found[name].value
    return value.casefold() == "true" if isinstance(value, str) else value is True


def _seconds(found: Mapping[str, _Found], name: str) -> int:
    value = found[name].value if name in found else _DEFAULTS[name]
    return int(value) if isinstance(value, (str, int, float)) else 0


_DEFAULTS: Final = {row.name: row.default for row in SETTINGS}


def _boolean_problem(value: object) -> str | None:
    # Configuration and the environment hold text only, and the engine passes provider inputs on as text.
    right = isinstance(value, bool) or (isinstance(value, str) and value.casefold() in {"true", "false"})
    return None if right else wrong(value, "true or false")


def _seconds_problem(value: object) -> str | None:
    # As above: configuration and environment hold text. The engine's numbers are fractions.
    digits = isinstance(value, str) and value.isascii() and value.isdigit()
    number = float(value) if digits else value  # type: ignore[arg-type] # it is a text
    right = type(number) in {int, float} and number in range(1, LONGEST_CALL + 1)
    return None if right else wrong(value, f"a number of seconds from 1 to {LONGEST_CALL}")


def _network_problem(value: object) -> str | None:
    return None if value in NETWORKS else wrong(value, join_or(NETWORKS))


def _on_cancel_problem(value: object) -> str | None:
    return None if value in ON_CANCEL else wrong(value, join_or(ON_CANCEL))


def _name_problem(value: object) -> str | None:
    expected = "the name of a profile"
    if not isinstance(value, str):
        return wrong(value, expected)
    if len(value) > LONGEST_ID or not value.isprintable():
        return wrong(value, expected, f"It has at most {LONGEST_ID} characters and no control characters.")
    return None


def _url_problem(value: object) -> str | None:
    expected = "a URL such as https://edas.cn-hangzhou.aliyuncs.com or http://127.0.0.1:8080"
    if not isinstance(value, str):
        return wrong(value, expected)
    if "@" in value:  # and is not shown: it may hold a password
        return (
            f"a URL with a user name was given where {expected} is expected. Credentials are no part of it."
        )
    url = _split(value)
    kept = value.partition("?")[0].partition("#")[0]
    value = kept if kept == value else f"{kept}?…"  # what follows may hold a token
    if url is None or url.scheme not in {"http", "https"} or not url.hostname:
        return wrong(value, expected, "Write it with http:// or https:// in front.")
    if url.path not in {"", "/"} or url.query or url.fragment:
        return wrong(value, expected, "It ends after the host and the port.")
    if not value.isascii() or not value.isprintable() or " " in value or "\\" in value:
        return wrong(value, expected, "The host is written in ASCII, without white space.")
    return None


def _split(text: str) -> SplitResult | None:
    """Return the parts of a URL, None when it has none or an impossible port."""
    try:
        url = urlsplit(text)
        possible = url.port is None or url.port > 0
    except ValueError:
        return None
    return url if possible else None


def _address(url: str | None) -> str | None:
    parts = _split(url) if url else None
    return f"{parts.scheme}://{parts.netloc.lower()}" if parts else None


_CHECKS: Final[Mapping[Form, Callable[[object], str | None]]] = {
    Form.REGION: region_problem,
    Form.URL: _url_problem,
    Form.NAME: _name_problem,
    Form.BOOLEAN: _boolean_problem,
    Form.SECONDS: _seconds_problem,
    Form.NETWORK: _network_problem,
    Form.ON_CANCEL: _on_cancel_problem,
}
