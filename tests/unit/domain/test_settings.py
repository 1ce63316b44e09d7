from __future__ import annotations

import dataclasses

import pytest

from pulumi_edas_scale.domain.errors import InputError
from pulumi_edas_scale.domain.model import UNKNOWN
from pulumi_edas_scale.domain.settings import SETTINGS, Settings, resolve_settings


def refusal(
    config: dict[str, str] | None = None,
    environ: dict[str, str] | None = None,
    explicit: dict[str, object] | None = None,
) -> dict[str, str]:
    """Return the failures of settings that are refused, by path."""
    with pytest.raises(InputError) as caught:
        resolve_settings(config or {}, environ or {}, explicit)
    return dict(caught.value.failures)


def test_nothing_told_leaves_the_documented_defaults() -> None:
    """Without any setting a preview reads and warns, Cancel detaches, and the rest is open."""
    assert resolve_settings({}, {}) == Settings(preview_reads=True, strict_preview=False)
    assert (Settings().network, Settings().call_timeout_seconds) == ("public", 30)
    assert Settings().on_cancel == "detach"


def test_the_table_and_the_values_have_the_same_names_and_defaults() -> None:
    """A row of the table is a field of ``Settings``, with the same default."""
    fields = {each.name: each.default for each in dataclasses.fields(Settings) if each.compare}
    assert fields.pop("keys") is None  # has no row: it is taken from the stack configuration alone
    assert {row.snake: row.default for row in SETTINGS} == fields


def test_the_region_comes_from_the_first_source_that_tells_it() -> None:
    """The order is: provider input, stack, alicloud's region, the new variable, the old variable."""
    explicit: dict[str, object] = {"regionId": "cn-a1"}
    config = {"edas-scale:regionId": "cn-b1", "alicloud:region": "cn-c1"}
    environ = {"ALIBABA_CLOUD_REGION_ID": "cn-d1", "ALICLOUD_REGION": "cn-e1"}
    found = []
    for source in (
        (explicit, "regionId"),
        *((config, key) for key in config),
        *((environ, key) for key in environ),
    ):
        found.append(resolve_settings(config.copy(), environ.copy(), explicit.copy()))
        del source[0][source[1]]  # type: ignore[attr-defined]
    assert [each.region_id for each in found] == ["cn-a1", "cn-b1", "cn-c1", "cn-d1", "cn-e1"]
    assert [each.region_source for each in found] == [
        "the input regionId of the provider",
        "the stack configuration edas-scale:regionId",
        "the stack configuration alicloud:region",
        "the environment variable ALIBABA_CLOUD_REGION_ID",
        "the environment variable ALICLOUD_REGION",
    ]
    assert resolve_settings(config, environ, explicit).region_id is None


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("endpoint", ["ALIBABA_CLOUD_ENDPOINT_EDAS"]),
        ("profile", ["ALIBABA_CLOUD_PROFILE", "ALICLOUD_PROFILE"]),
    ],
)
def test_the_stack_goes_before_the_environment(name: str, variables: list[str]) -> None:
    """Endpoint and profile have variables of their own, which the stack overrules."""
    environ = {variable: f"http://{index}.example" for index, variable in enumerate(variables)}
    config = {f"edas-scale:{name}": "http://stack.example"}
    assert getattr(resolve_settings(config, environ), name) == "http://stack.example"
    assert getattr(resolve_settings({}, environ), name) == "http://0.example"


def test_an_empty_text_tells_nothing() -> None:
    """A variable that is exported empty is as good as none."""
    environ = {"ALIBABA_CLOUD_REGION_ID": "", "ALICLOUD_REGION": "cn-hangzhou", "ALIBABA_CLOUD_PROFILE": ""}
    settings = resolve_settings({"edas-scale:endpoint": ""}, environ)
    assert (settings.region_id, settings.endpoint, settings.profile) == ("cn-hangzhou", None, None)


def test_a_value_that_holds_hides_a_wrong_one_below_it() -> None:
    """What is overruled is not judged: it has no effect."""
    assert (
        resolve_settings({}, {"ALICLOUD_REGION": "?"}, {"regionId": "cn-hangzhou"}).region_id == "cn-hangzhou"
    )


def test_flags_and_words_are_understood_as_text_and_as_values() -> None:
    """Configuration holds text; an explicit provider may hold the value itself."""
    text = resolve_settings(
        {
            "edas-scale:previewReads": "false",
            "edas-scale:strictPreview": "True",
            "edas-scale:onCancel": "abort",
        },
        {},
    )
    value = resolve_settings({}, {}, {"previewReads": False, "strictPreview": True, "onCancel": "abort"})
    assert text == value == Settings(preview_reads=False, strict_preview=True, on_cancel="abort")


def test_a_value_not_known_yet_leaves_the_default() -> None:
    """An unknown provider input is told, though not yet: nothing else may stand in for it."""
    explicit = dict.fromkeys((row.name for row in SETTINGS), UNKNOWN)
    assert resolve_settings({"edas-scale:regionId": "cn-hangzhou"}, {}, explicit) == Settings()


def test_what_is_pulumis_own_is_ignored() -> None:
    """Other packages' keys, the engine's keys and the version of the package are no settings of ours."""
    config = {
        "alicloud:maxRetryTimeout": "5",
        "aws:region": "?",
        "project:colour": "red",
        "edas-scale:version": "0.1.0",
    }
    explicit: dict[str, object] = {
        "version": "0.1.0",
        "pluginDownloadURL": "x",
        "__internal": {},
        "gone": None,
    }
    assert resolve_settings(config, {"EDAS_SCALE_COLOUR": "red"}, explicit) == Settings()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("HTTPS://Edas.CN-Hangzhou.aliyuncs.com/", "https://edas.cn-hangzhou.aliyuncs.com"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("http://emulator", "http://emulator"),
    ],
)
def test_an_address_has_one_spelling(url: str, address: str) -> None:
    """Letter case and a closing slash make no other endpoint."""
    assert resolve_settings({"edas-scale:endpoint": url}, {}).endpoint == address


@pytest.mark.parametrize("url", ["http://h/?token=PW", "h?token=PW", "http://h/#PW", "http://u:PW@h"])
def test_what_may_be_a_token_in_an_endpoint_is_not_repeated(url: str) -> None:
    """The query, the fragment and the user of an address may hold a secret."""
    assert "PW" not in str(refusal(environ={"ALIBABA_CLOUD_ENDPOINT_EDAS": url}))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("edas.cn-hangzhou.aliyuncs.com", "Write it with http:// or https:// in front."),
        ("ftp://edas.cn-hangzhou.aliyuncs.com", "Write it with http:// or https:// in front."),
        ("127.0.0.1:8080", "Write it with http:// or https:// in front."),
        ("http://", "Write it with http:// or https:// in front."),
        ("http://host:99999", "Write it with http:// or https:// in front."),
        ("http://host/pop", "It ends after the host and the port."),
        ("http://host?x=1", "It ends after the host and the port."),
        ("http://ho st", "The host is written in ASCII, without white space."),
    ],
)
def test_an_endpoint_without_a_sensible_url_is_refused(url: str, said: str) -> None:
    """The message names the setting, the value, what a URL looks like and where the value comes from."""
    found = refusal(environ={"ALIBABA_CLOUD_ENDPOINT_EDAS": url})
    assert list(found) == ["edas-scale:endpoint"]
    reason = found["edas-scale:endpoint"]
    shown = url.replace("?x=1", "?…")
    assert reason.startswith(f"'{shown}' was given where a URL such as https://edas.cn-hangzhou.aliyuncs.com")
    assert said in reason
    assert reason.endswith("It comes from the environment variable ALIBABA_CLOUD_ENDPOINT_EDAS.")


@pytest.mark.parametrize(
    "url", ["https://me:hunter2@edas.cn-hangzhou.aliyuncs.com", "http://me:hunter2@h:99999"]
)
def test_a_password_in_an_endpoint_is_not_repeated(url: str) -> None:
    """A refused URL with credentials shows none of them."""
    reason = refusal({"edas-scale:endpoint": url})["edas-scale:endpoint"]
    assert "a URL with a user name" in reason
    assert "hunter2" not in reason


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("previewReads", "yes", "'yes' was given where true or false is expected."),
        ("strictPreview", "1", "'1' was given where true or false is expected."),
        ("network", "private", "'private' was given where 'public' or 'vpc' is expected."),
        ("callTimeoutSeconds", "0", "0 was given where a whole number of seconds from 1 to 600 is expected."),
        (
            "callTimeoutSeconds",
            "1.5",
            "1.5 was given where a whole number of seconds from 1 to 600 is expected.",
        ),
        ("onCancel", "stop", "'stop' was given where 'detach' or 'abort' is expected."),
        ("regionId", "cn-hangzhou-h", "This is a zone; its region is 'cn-hangzhou'."),
        ("profile", "a\x07", "no control characters"),
        ("profile", "p" * 65, "at most 64 characters"),
    ],
)
def test_a_wrong_setting_is_refused_alike_wherever_it_stands(name: str, given: str, said: str) -> None:
    """The path is the name of the setting, and only the named source differs."""
    stack = refusal({f"edas-scale:{name}": given})
    provider = refusal(explicit={name: given})
    assert list(stack) == list(provider) == [f"edas-scale:{name}"]
    sources = [found[f"edas-scale:{name}"].partition(" It comes from ") for found in (stack, provider)]
    assert sources[0][0] == sources[1][0]
    assert said in sources[0][0]
    assert [source[2] for source in sources] == [
        f"the stack configuration edas-scale:{name}.",
        f"the input {name} of the provider.",
    ]


@pytest.mark.parametrize("name", [row.name for row in SETTINGS])
def test_a_provider_input_of_another_kind_is_refused(name: str) -> None:
    """A list is none of the settings."""
    assert list(refusal(explicit={name: [1.0]})) == [f"edas-scale:{name}"]


def test_a_wrong_region_of_another_package_is_refused_under_our_name() -> None:
    """The region is ours to judge, also when it stands in alicloud's configuration."""
    found = refusal({"alicloud:region": "Hangzhou"})
    assert found["edas-scale:regionId"].endswith("It comes from the stack configuration alicloud:region.")


def test_an_unknown_setting_names_the_nearest() -> None:
    """A slip of the pen in the stack configuration or the provider is not silently ignored."""
    found = refusal(
        {"edas-scale:region": "cn-hangzhou", "edas-scale:end-point": "x"}, explicit={"colour": "red"}
    )
    assert found == {
        "edas-scale:'end-point'": "there is no such setting. Did you mean edas-scale:endpoint?",
        "edas-scale:colour": "there is no such setting. The settings are regionId, endpoint, network, "
        "profile, callTimeoutSeconds, previewReads, strictPreview, onCancel.",
        "edas-scale:region": "there is no such setting. Did you mean edas-scale:regionId?",
    }


def test_everything_wrong_is_said_at_once() -> None:
    """One run shows every wrong setting."""
    config = {"edas-scale:colour": "x", "edas-scale:onCancel": "x", "edas-scale:endpoint": "x"}
    assert set(refusal(config)) == set(config)


def test_the_source_of_the_region_does_not_make_settings_differ() -> None:
    """Settings serve as a key of shared clients: where a value comes from is no difference."""
    first = resolve_settings({"edas-scale:regionId": "cn-hangzhou"}, {})
    second = resolve_settings({}, {"ALICLOUD_REGION": "cn-hangzhou"})
    assert (first, hash(first)) == (second, hash(second))
    assert first.region_source != second.region_source


@pytest.mark.parametrize("value", ["7", 7, 7.0], ids=["text", "number", "fraction"])
def test_seconds_may_be_text_or_a_number(value: object) -> None:
    """Configuration is text, and the engine's numbers are fractions: all are the same setting (S82)."""
    assert resolve_settings({}, {}, {"callTimeoutSeconds": value}).call_timeout_seconds == 7


@pytest.mark.parametrize("value", [0, -1, 601, 7.5, True, float("nan"), float("inf")])
def test_seconds_are_whole_and_bounded(value: object) -> None:
    """A call that may take no time, or ten minutes, is a slip of the pen."""
    assert set(refusal({}, explicit={"callTimeoutSeconds": value})) == {"edas-scale:callTimeoutSeconds"}


KEYS = {"alicloud:accessKey": "key-of-stack", "alicloud:secretKey": "canary-secret"}


def test_s92_the_account_of_the_stack_is_used() -> None:
    """S92: the profile or the keys that the stack gives the Alibaba Cloud provider sign our calls too."""
    assert (
        resolve_settings({"alicloud:profile": "prod"}, {"ALIBABA_CLOUD_PROFILE": "shell"}).profile == "prod"
    )
    keys = resolve_settings(KEYS | {"alicloud:securityToken": "canary-token"}, {}).keys
    assert keys is not None
    assert (keys.access_key_id, keys.access_key_secret, keys.security_token) == (
        "key-of-stack",
        "canary-secret",
        "canary-token",
    )


def test_s92_a_profile_of_our_own_wins() -> None:
    """S92: edas-scale:profile is meant for this package, and wins over what is meant for another."""
    settings = resolve_settings(KEYS | {"edas-scale:profile": "prod", "alicloud:profile": "other"}, {})
    assert (settings.profile, settings.keys) == ("prod", None)
    assert resolve_settings(KEYS, {}, {"profile": "prod"}).keys is None
    assert resolve_settings(KEYS, {"ALIBABA_CLOUD_PROFILE": "shell"}).keys is not None


@pytest.mark.parametrize("name", list(KEYS))
def test_s92_half_a_pair_is_refused(name: str) -> None:
    """S92: one of the two with the other from elsewhere might be another account, so it is refused by name."""
    (absent,) = set(KEYS) - {name}
    found = refusal({name: KEYS[name]}, {"ALICLOUD_ACCESS_KEY": "a", "ALICLOUD_SECRET_KEY": "b"})
    assert found == {
        absent: f"is not set, but {name} is. Set both, or name a profile with edas-scale:profile."
    }


def test_s92_what_cannot_be_used_is_noted() -> None:
    """S92: another way to name an account that the Alibaba Cloud provider knows is noted, so that it can be told."""
    assert resolve_settings({"alicloud:ecsRoleName": "r"}, {}).ignored == ("alicloud:ecsRoleName",)


def test_secrets_are_not_in_the_repr() -> None:
    """Settings are logged and compared, and show no key."""
    assert "canary" not in repr(resolve_settings(KEYS, {}))
