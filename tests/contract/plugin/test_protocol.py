from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict

from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.errors import InputError, OperationError, PartialFailureError
from pulumi_edas_scale.domain.inputs import Checked
from pulumi_edas_scale.domain.model import UNKNOWN
from pulumi_edas_scale.hosts.call_threads import MOST_ANSWERING, MOST_WAITING
from pulumi_edas_scale.hosts.protocol import engine_pb2, plugin_pb2, provider_pb2, status_pb2
from pulumi_edas_scale.hosts.stack_file import find_settings
from pulumi_edas_scale.hosts.wire import Properties, parse_properties
from pulumi_edas_scale.operations.request import Diff, Request, Result
from pulumi_edas_scale.version import __version__
from tests.contract.plugin.harness import PROVIDER_URN, URN, WAIT, Core, Engine, RunningPlugin, struct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pulumi_edas_scale.hosts.engine import EngineHost

ID = "cn-hangzhou/app/group"
EMPTY = empty_pb2.Empty()
INPUTS: dict[str, object] = {"appId": "app", "groupId": "group", "instanceIds": ["i-a", "i-b"]}
OUTPUTS: dict[str, object] = {**INPUTS, "members": [{"ecuId": "e-a"}], "runningCount": 1.0}


SEEN = Result(ID, INPUTS, OUTPUTS)


@pytest.fixture
def core() -> Core:
    """Give a core that knows a healthy membership."""
    return Core(
        change=lambda _: SEEN,
        delete=lambda _: None,
        read=lambda _: SEEN,
        diff=lambda _: Diff(changes=False),
    )


@pytest.fixture
def plugin(core: Core) -> Iterator[RunningPlugin]:
    """Give a configured plugin."""
    with RunningPlugin(core).running() as running:
        running.configure()
        yield running


@pytest.fixture
def engine(plugin: RunningPlugin) -> Iterator[Engine]:
    """Give an engine that the plugin knows."""
    engine = Engine()
    plugin.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address=engine.address), timeout=WAIT)
    plugin.configure()
    yield engine
    engine.server.stop(None).wait(WAIT)


def failure_of(call: Any, request: Any) -> Any:  # noqa: ANN401  # generated stubs
    """Return how a call fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=WAIT)
    return caught.value


def detail_of(error: Any) -> tuple[status_pb2.Status, provider_pb2.ErrorResourceInitFailed]:  # noqa: ANN401
    """Return the status in the trailing metadata of a failure, and its detail."""
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    return status, detail


def test_the_handshake_promises_what_is_kept(plugin: RunningPlugin) -> None:
    """Secrets are understood; references to resources are not, so the engine sends their ids."""
    answer = plugin.stub.Handshake(provider_pb2.ProviderHandshakeRequest(), timeout=WAIT)
    assert MessageToDict(answer) == {"acceptSecrets": True}


def test_the_plugin_tells_its_version(plugin: RunningPlugin) -> None:
    """The engine compares it with the version of the program's SDK."""
    assert plugin.stub.GetPluginInfo(EMPTY, timeout=WAIT).version == __version__


def test_the_schema_is_the_file(plugin: RunningPlugin) -> None:
    """GetSchema gives schema.json, whose name is that of the package."""
    schema = json.loads(plugin.stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=WAIT).schema)
    assert schema["name"] == "edas-scale"


def test_a_schema_version_that_is_not_known_is_refused(plugin: RunningPlugin) -> None:
    """A later schema version is answered as not implemented."""
    error = failure_of(plugin.stub.GetSchema, provider_pb2.GetSchemaRequest(version=9))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_no_mappings_are_offered(plugin: RunningPlugin) -> None:
    """Nothing of another tool is converted to this package."""
    assert (
        plugin.stub.GetMapping(provider_pb2.GetMappingRequest(key="terraform"), timeout=WAIT).provider == ""
    )
    assert not plugin.stub.GetMappings(
        provider_pb2.GetMappingsRequest(key="terraform"), timeout=WAIT
    ).providers


def test_settings_of_the_stack_are_named_as_in_the_stack(plugin: RunningPlugin) -> None:
    """The inputs of a default provider come from the stack configuration, and the failure says so."""
    request = provider_pb2.CheckRequest(
        urn=PROVIDER_URN, news=struct({"endpoint": "nonsense", "version": "1"})
    )
    answer = plugin.stub.CheckConfig(request, timeout=WAIT)
    (failure,) = answer.failures
    assert failure.property == ""
    assert failure.reason.startswith("edas-scale:endpoint: ")
    assert "the stack configuration edas-scale:endpoint" in failure.reason


def test_settings_of_an_explicit_provider_are_named_as_inputs(plugin: RunningPlugin) -> None:
    """A provider the program makes has inputs, and the failure says so."""
    urn = PROVIDER_URN.replace("default_0_1_0", "west")
    request = provider_pb2.CheckRequest(urn=urn, news=struct({"endpoint": "nonsense"}))
    assert (
        "the input endpoint of the provider"
        in plugin.stub.CheckConfig(request, timeout=WAIT).failures[0].reason
    )


def test_good_settings_are_recorded_as_they_are(plugin: RunningPlugin) -> None:
    """CheckConfig adds no defaults: what the environment says must not enter the state of the provider."""
    news = struct({"regionId": "cn-hangzhou", "previewReads": "false", "__internal": {"a": 1}})
    answer = plugin.stub.CheckConfig(provider_pb2.CheckRequest(urn=PROVIDER_URN, news=news), timeout=WAIT)
    assert not answer.failures
    assert answer.inputs == news


def test_changed_settings_never_replace_the_provider(plugin: RunningPlugin) -> None:
    """A changed region is an update of the provider: a replacement would replace all its memberships."""
    request = provider_pb2.DiffRequest(
        urn=PROVIDER_URN,
        old_inputs=struct({"regionId": "cn-hangzhou", "endpoint": "http://a", "version": "1"}),
        news=struct({"regionId": "cn-beijing", "profile": "p", "version": "2"}),
    )
    answer = plugin.stub.DiffConfig(request, timeout=WAIT)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert not answer.replaces
    assert {path: diff.kind for path, diff in answer.detailedDiff.items()} == {
        "regionId": provider_pb2.PropertyDiff.UPDATE,
        "endpoint": provider_pb2.PropertyDiff.DELETE,
        "profile": provider_pb2.PropertyDiff.ADD,
    }


def test_settings_reach_the_core(plugin: RunningPlugin, core: Core) -> None:
    """Configure makes the core's provider of the settings, booleans being texts on their way."""
    plugin.configure(regionId="cn-hangzhou", previewReads="false", onCancel="abort")
    assert core.settings is not None
    assert (core.settings.region_id, core.settings.preview_reads, core.settings.on_cancel) == (
        "cn-hangzhou",
        False,
        "abort",
    )


def test_s92_an_account_that_a_plugin_cannot_see_is_noted(
    plugin: RunningPlugin, core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S92: the engine gives a plugin no settings of other packages; that the stack names an account is still noted."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop")
    stack = PROVIDER_URN.split(":")[2]
    (tmp_path / f"Pulumi.{stack}.yaml").write_text(
        "config:\n  alicloud:accessKey:\n    secure: canary\n  alicloud:profile: prod\n  other:profile: x\n"
    )
    (tmp_path / "program").mkdir()
    monkeypatch.chdir(tmp_path / "program")
    plugin.configure(regionId="cn-hangzhou")
    assert core.settings is not None
    assert core.settings.ignored == ("alicloud:profile", "alicloud:accessKey")
    plugin.configure(regionId="cn-hangzhou", profile="prod")
    assert not core.settings.ignored


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Pulumi.{stack}.yaml", 'encryptionsalt: v1\nconfig: {{"x:y": "1", "alicloud:profile": "prod"}}\n'),
        ("Pulumi.yaml", "name: shop\nconfig:\n  alicloud:profile:\n    value: prod\n"),
    ],
    ids=["braces", "project"],
)
def test_s92_the_account_is_noted_wherever_it_stands(file: str, text: str, tmp_path: Path) -> None:
    """S92: in braces, and in the file of the project, a setting is one as well."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop")
    stack = PROVIDER_URN.split(":")[2]
    (tmp_path / file.format(stack=stack)).write_text(text.format())
    assert find_settings(PROVIDER_URN, tmp_path, ["alicloud:profile", "alicloud:region"]) == (
        "alicloud:profile",
    )


def test_wrong_settings_fail_configure_in_one_line(plugin: RunningPlugin) -> None:
    """A setting that cannot be right is named."""
    request = provider_pb2.ConfigureRequest(args=struct({"onCancel": "explode"}), urn=PROVIDER_URN)
    error = failure_of(plugin.stub.Configure, request)
    assert error.details().startswith("edas-scale:onCancel: ")
    assert "\n" not in error.details()


def test_nothing_runs_before_configure(core: Core) -> None:
    """A call that needs settings says that there are none yet."""
    with RunningPlugin(core).running() as running:
        error = failure_of(running.stub.Check, provider_pb2.CheckRequest(urn=URN))
    assert "Configure" in error.details()


def test_another_type_is_no_resource_of_this_package(plugin: RunningPlugin) -> None:
    """A token that the schema does not have is refused, and the right one named."""
    urn = "urn:pulumi:dev::shop::edas-scale:index:Group::g"
    error = failure_of(plugin.stub.Check, provider_pb2.CheckRequest(urn=urn))
    wrong, _, right = error.details().partition(" is not a resource of this package; it has ")
    assert (wrong, right) == ("'edas-scale:index:Group'", "edas-scale:index:DeployGroupMembership. [ES130]")


def test_a_membership_may_be_a_child(plugin: RunningPlugin) -> None:
    """The type of a URN is what comes after its parents."""
    urn = "urn:pulumi:dev::shop::my:index:Fleet$edas-scale:index:DeployGroupMembership::a::b"
    assert not plugin.stub.Check(provider_pb2.CheckRequest(urn=urn), timeout=WAIT).failures


def test_check_translates(plugin: RunningPlugin, core: Core, engine: Engine) -> None:
    """Inputs come back with their secrets, failures have a path and no property, warnings are shown."""
    core.answers["check"] = lambda *_: Checked(
        {**INPUTS, "batchSize": 50, "regionId": "r"},
        (("instanceIds[1]", Message("ES301", "it is bad.")),),
        (Message("ES310", "Mind the gap."),),
    )
    request = provider_pb2.CheckRequest(
        urn=URN, olds=struct({"regionId": "r"}, "regionId"), news=struct(INPUTS, "instanceIds")
    )
    answer = plugin.stub.Check(request, timeout=WAIT)
    assert core.last("check") == (Request(URN, news=INPUTS, olds={"regionId": "r"}),)
    assert parse_properties(answer.inputs) == Properties(
        {**INPUTS, "batchSize": 50.0, "regionId": "r"}, frozenset({"instanceIds", "regionId"})
    )
    assert [(failure.property, failure.reason) for failure in answer.failures] == [
        ("", "instanceIds[1]: it is bad. [ES301]")
    ]
    (line,) = engine.lines
    assert (line.urn, line.message, line.severity) == (URN, "Mind the gap. [ES310]", engine_pb2.WARNING)


def test_a_check_without_a_past_is_that_of_a_create(plugin: RunningPlugin, core: Core) -> None:
    """Empty old inputs, as the engine sends them, are no recorded ones."""
    plugin.stub.Check(provider_pb2.CheckRequest(urn=URN, olds=struct({}), news=struct(INPUTS)), timeout=WAIT)
    assert core.last("check")[0].olds == {}


def test_unknown_values_pass_at_every_depth(plugin: RunningPlugin, core: Core) -> None:
    """A value that is not known yet reaches the core as UNKNOWN, and returns as the engine's own mark."""
    news = {"groupId": UNKNOWN, "instanceIds": ["i-a", UNKNOWN], "policy": {"deep": [UNKNOWN]}}
    answer = plugin.stub.Check(provider_pb2.CheckRequest(urn=URN, news=struct(news)), timeout=WAIT)
    assert core.last("check")[0].news == news
    assert parse_properties(answer.inputs).values == news


def test_a_diff_is_always_detailed(plugin: RunningPlugin, core: Core) -> None:
    """Every change has its path and kind, so that previews show lines and replaceOnChanges works."""
    detailed = (("instanceIds[1]", "add"), ("groupId", "update-replace"))
    core.answers["diff"] = lambda _: Diff(
        changes=True, replaces=("groupId",), delete_before_replace=True, detailed=detailed
    )
    request = provider_pb2.DiffRequest(id=ID, urn=URN, olds=struct(OUTPUTS), news=struct(INPUTS))
    answer = plugin.stub.Diff(request, timeout=WAIT)
    assert MessageToDict(answer) == {
        "changes": "DIFF_SOME",
        "replaces": ["groupId"],
        "deleteBeforeReplace": True,
        "diffs": ["groupId", "instanceIds"],
        "detailedDiff": {"instanceIds[1]": {}, "groupId": {"kind": "UPDATE_REPLACE"}},
        "hasDetailedDiff": True,
    }


def test_no_change_is_said_as_such(plugin: RunningPlugin) -> None:
    """Without a change the engine must not compare for itself."""
    request = provider_pb2.DiffRequest(id=ID, urn=URN, olds=struct(OUTPUTS), news=struct(INPUTS))
    assert MessageToDict(plugin.stub.Diff(request, timeout=WAIT)) == {"changes": "DIFF_NONE"}


def test_only_a_diff_after_a_check_announces(plugin: RunningPlugin, core: Core) -> None:
    """A refresh asks for a diff with its sides swapped; what that one says must not be shown."""
    check = provider_pb2.CheckRequest(urn=URN, news=struct(INPUTS))
    diff = provider_pb2.DiffRequest(id=ID, urn=URN, olds=struct(OUTPUTS), news=struct(INPUTS))
    read = provider_pb2.ReadRequest(id=ID, urn=URN, properties=struct(OUTPUTS))
    plugin.stub.Check(check, timeout=WAIT)
    plugin.stub.Diff(diff, timeout=WAIT)
    plugin.stub.Diff(diff, timeout=WAIT)
    plugin.stub.Check(check, timeout=WAIT)
    plugin.stub.Read(read, timeout=WAIT)
    plugin.stub.Diff(diff, timeout=WAIT)
    announced = [asked.announce for name, (asked,), _ in core.calls if name == "diff"]
    assert announced == [True, False, False]


def test_create_translates(plugin: RunningPlugin, core: Core) -> None:
    """The time-out arrives in seconds, and nothing asks the engine to read by itself: the diff does."""
    answer = plugin.stub.Create(
        provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS), timeout=180), timeout=WAIT
    )
    assert core.last("change") == (Request(URN, news=INPUTS, timeout_seconds=180.0),)
    assert (answer.id, parse_properties(answer.properties).values) == (ID, OUTPUTS)
    assert not answer.refresh_before_update


def test_a_time_out_that_is_not_set_is_none(plugin: RunningPlugin, core: Core) -> None:
    """The engine's zero means that the program says nothing."""
    plugin.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS)), timeout=WAIT)
    plugin.stub.Delete(provider_pb2.DeleteRequest(urn=URN, id=ID, properties=struct(OUTPUTS)), timeout=WAIT)
    assert core.last("change")[0].timeout_seconds is None
    assert core.last("delete") == (Request(URN, ID, olds=OUTPUTS),)


def test_a_preview_creates_nothing(plugin: RunningPlugin, core: Core) -> None:
    """Create in a preview asks the core for the outputs, which may be unknown, and gives no id."""
    core.answers["preview_create"] = lambda _: Result("", INPUTS, {**INPUTS, "members": UNKNOWN})
    answer = plugin.stub.Create(
        provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS), preview=True), timeout=WAIT
    )
    assert answer.id == ""
    assert parse_properties(answer.properties).values == {**INPUTS, "members": UNKNOWN}
    assert not [name for name, _, _ in core.calls if name == "change"]


def test_a_preview_updates_nothing(plugin: RunningPlugin, core: Core) -> None:
    """Update in a preview gives the outputs that are known: the inputs, and where the membership is."""
    request = provider_pb2.UpdateRequest(
        urn=URN, id=ID, olds=struct(OUTPUTS), news=struct(INPUTS), preview=True
    )
    answer = plugin.stub.Update(request, timeout=WAIT)
    values = parse_properties(answer.properties).values
    assert (values["instanceIds"], values["runningCount"]) == (["i-a", "i-b"], UNKNOWN)
    assert not [name for name, _, _ in core.calls if name == "change"]


def test_update_translates(plugin: RunningPlugin, core: Core) -> None:
    """The core gets the recorded outputs and the new inputs."""
    request = provider_pb2.UpdateRequest(
        urn=URN, id=ID, olds=struct(OUTPUTS), news=struct(INPUTS), timeout=9, ignoreChanges=["instanceIds"]
    )
    answer = plugin.stub.Update(request, timeout=WAIT)
    assert core.last("change") == (Request(URN, ID, INPUTS, OUTPUTS, 9.0, ("instanceIds",)),)
    assert parse_properties(answer.properties).values == OUTPUTS
    assert not answer.refresh_before_update


def test_secret_ids_make_secret_members(plugin: RunningPlugin, core: Core) -> None:
    """The core sees plain ids; what names them in the outputs is hidden as they are, and the rest is not."""
    request = provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS, "instanceIds"))
    answer = parse_properties(plugin.stub.Create(request, timeout=WAIT).properties)
    assert core.last("change")[0].news == INPUTS
    assert answer == Properties(OUTPUTS, frozenset({"instanceIds", "members"}))


def test_a_secret_application_hides_only_itself(plugin: RunningPlugin) -> None:
    """A secret that is no list hides the output of its name."""
    request = provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS, "appId"))
    answer = parse_properties(plugin.stub.Create(request, timeout=WAIT).properties)
    assert answer.secret == {"appId"}


def test_a_refresh_reads_what_is_recorded(plugin: RunningPlugin, core: Core) -> None:
    """Read gets the recorded outputs and inputs, keeps their secrets, and returns both sides."""
    request = provider_pb2.ReadRequest(
        urn=URN, id=ID, properties=struct(OUTPUTS), inputs=struct(INPUTS, "instanceIds")
    )
    answer = plugin.stub.Read(request, timeout=WAIT)
    assert core.last("read") == (Request(URN, ID, INPUTS, OUTPUTS),)
    assert answer.id == ID
    assert parse_properties(answer.inputs) == Properties(INPUTS, frozenset({"instanceIds"}))
    assert parse_properties(answer.properties) == Properties(OUTPUTS, frozenset({"instanceIds", "members"}))
    assert not answer.refresh_before_update


def test_an_import_reads_without_a_past(plugin: RunningPlugin, core: Core) -> None:
    """An import has neither outputs nor inputs, whether the engine leaves them out or sends empty ones."""
    plugin.stub.Read(provider_pb2.ReadRequest(urn=URN, id=ID), timeout=WAIT)
    assert core.last("read") == (Request(URN, ID),)
    plugin.stub.Read(
        provider_pb2.ReadRequest(urn=URN, id=ID, properties=struct({}), inputs=struct({})), timeout=WAIT
    )
    assert core.last("read") == (Request(URN, ID),)


def test_what_is_gone_has_no_id(plugin: RunningPlugin, core: Core) -> None:
    """An empty id makes the engine drop the resource from its state."""
    core.answers["read"] = lambda *_: None
    answer = plugin.stub.Read(
        provider_pb2.ReadRequest(urn=URN, id=ID, properties=struct(OUTPUTS)), timeout=WAIT
    )
    assert MessageToDict(answer) == {}


def test_functions_are_answered(plugin: RunningPlugin, core: Core) -> None:
    """Invoke gives the token and the plain arguments to the core."""
    core.answers["invoke"] = lambda *_: {"groups": [{"groupId": "g", "members": []}]}
    request = provider_pb2.InvokeRequest(
        tok="edas-scale:index:getDeployGroups", args=struct({"appId": "app"})
    )
    answer = plugin.stub.Invoke(request, timeout=WAIT)
    assert core.last("invoke") == ("edas-scale:index:getDeployGroups", {"appId": "app"})
    assert parse_properties(getattr(answer, "return")).values == {"groups": [{"groupId": "g", "members": []}]}


def fails(error: Exception) -> Any:  # noqa: ANN401  # any method of the core
    """Return a method that fails."""

    def method(*_: object, **__: object) -> None:
        raise error

    return method


def test_a_failure_is_the_users_sentence(plugin: RunningPlugin, core: Core) -> None:
    """An operation that changed nothing fails with its message alone."""
    core.answers["change"] = fails(OperationError(Message("", "Scale out failed: it did.")))
    error = failure_of(plugin.stub.Create, provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS)))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, "Scale out failed: it did.")
    status = status_pb2.Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert (status.message, len(status.details)) == ("Scale out failed: it did.", 0)


def test_refused_inputs_are_named(plugin: RunningPlugin, core: Core) -> None:
    """A refusal in a preview keeps the path of the input."""
    core.answers["diff"] = fails(InputError([("minRunning", Message("ES201", "it would be broken."))]))
    request = provider_pb2.DiffRequest(id=ID, urn=URN, olds=struct(OUTPUTS), news=struct(INPUTS))
    assert failure_of(plugin.stub.Diff, request).details() == "minRunning: it would be broken. [ES201]"


def test_a_partial_failure_saves_what_is_true(plugin: RunningPlugin, core: Core) -> None:
    """The engine gets id, outputs, inputs and reasons, under the status code of the call itself."""
    partly = PartialFailureError(Message("", "One of two joined."), ID, INPUTS, OUTPUTS)
    core.answers["change"] = fails(partly)
    request = provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS, "instanceIds"))
    error = failure_of(plugin.stub.Create, request)
    assert (error.code(), error.details()) == (grpc.StatusCode.UNKNOWN, "One of two joined.")
    status, detail = detail_of(error)
    assert (status.code, status.message) == (grpc.StatusCode.UNKNOWN.value[0], "One of two joined.")
    assert (detail.id, list(detail.reasons)) == (ID, ["One of two joined."])
    assert parse_properties(detail.properties) == Properties(OUTPUTS, frozenset({"instanceIds", "members"}))
    assert parse_properties(detail.inputs) == Properties(INPUTS, frozenset({"instanceIds"}))
    assert not detail.refresh_before_update


HALF = Message("", "half an emoji \ud83d")
PLAIN = "half an emoji \ufffd"


def test_an_answer_that_no_message_carries_is_sent_plainly(plugin: RunningPlugin, core: Core) -> None:
    """Outputs and checked inputs with half a character, and with what is no number of JSON, still reach the state."""
    odd = {**OUTPUTS, "groupName": HALF, "runningCount": float("nan"), "members": [{"ecuId": HALF}]}
    plain = {**OUTPUTS, "groupName": PLAIN, "runningCount": "nan", "members": [{"ecuId": PLAIN}]}
    core.answers |= {
        "check": lambda *_: Checked(odd, (("groupId", HALF),), (HALF,)),
        "change": lambda _: Result(ID, odd, odd),
        "read": lambda _: Result(ID, odd, odd),
        "preview_create": lambda _: Result("", odd, odd),
        "invoke": lambda *_: odd,
    }
    news = struct(INPUTS)
    checked = plugin.stub.Check(provider_pb2.CheckRequest(urn=URN, news=news), timeout=WAIT)
    assert [each.reason for each in checked.failures] == [f"groupId: {PLAIN}"]
    for answer in (
        checked.inputs,
        plugin.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=news), timeout=WAIT).properties,
        plugin.stub.Create(
            provider_pb2.CreateRequest(urn=URN, properties=news, preview=True), timeout=WAIT
        ).properties,
        plugin.stub.Update(
            provider_pb2.UpdateRequest(urn=URN, id=ID, olds=struct(OUTPUTS), news=news), timeout=WAIT
        ).properties,
        plugin.stub.Read(provider_pb2.ReadRequest(urn=URN, id=ID), timeout=WAIT).properties,
        plugin.stub.Read(provider_pb2.ReadRequest(urn=URN, id=ID), timeout=WAIT).inputs,
        getattr(plugin.stub.Invoke(provider_pb2.InvokeRequest(tok="getDeployGroup"), timeout=WAIT), "return"),
    ):
        assert parse_properties(answer).values == plain


def test_a_failure_that_no_message_carries_is_sent_plainly(
    plugin: RunningPlugin, core: Core, engine: Engine
) -> None:
    """A failure, what is true after it, a bug and a line of log with half a character still reach the engine."""
    request = provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS))
    core.answers["change"] = fails(OperationError(HALF))
    assert failure_of(plugin.stub.Create, request).details() == PLAIN
    core.answers["change"] = fails(PartialFailureError(HALF, ID, {"appId": HALF}, {"groupName": HALF}))
    status, detail = detail_of(failure_of(plugin.stub.Create, request))
    assert (status.message, list(detail.reasons)) == (PLAIN, [PLAIN])
    assert parse_properties(detail.inputs).values == {"appId": PLAIN}
    assert parse_properties(detail.properties).values == {"groupName": PLAIN}
    core.answers["change"] = fails(RuntimeError(HALF))
    assert PLAIN in failure_of(plugin.stub.Create, request).details()
    assert core.host is not None
    core.host.warn(URN, HALF)
    core.host.progress(URN, HALF)
    core.host.flush()
    assert [line.message for line in engine.lines][-2:] == [PLAIN, PLAIN]


def test_a_bug_of_ours_is_one_line(plugin: RunningPlugin, core: Core, engine: Engine) -> None:
    """The user reads one line that asks for a report; the traceback is there for --debug only."""
    core.answers["change"] = fails(ZeroDivisionError("division by zero"))
    error = failure_of(plugin.stub.Create, provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS)))
    assert error.details() == (
        "ZeroDivisionError: division by zero. Please report this, it is a bug in pulumi-edas-scale. [ES901]"
    )
    (line,) = engine.lines
    assert line.severity == engine_pb2.DEBUG
    assert "Traceback" in line.message


def test_lines_arrive_before_the_answer(plugin: RunningPlugin, core: Core, engine: Engine) -> None:
    """Lasting lines are complete and in order when an operation ends: the process may end with it."""

    def create(asked: Request) -> Result:
        urn, host = asked.urn, core.host
        assert host is not None
        for number in range(20):
            host.progress(urn, f"status {number}")
            host.info(urn, f"line {number}")
        host.warn(urn, Message("", "warning"))
        return SEEN

    core.answers["change"] = create
    plugin.stub.Create(provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS)), timeout=WAIT)
    lasting = [line for line in engine.lines if not line.ephemeral]
    assert [line.message for line in lasting] == [*(f"line {number}" for number in range(20)), "warning"]
    assert {line.urn for line in engine.lines} == {URN}
    passing = [line.message for line in engine.lines if line.ephemeral]
    assert passing[-1] == "status 19"


class Waiting:
    """A create that waits until it is stopped, as the core does."""

    def __init__(self, core: Core) -> None:
        self.started = threading.Event()
        self.woken = threading.Event()
        self.core = core
        core.answers["change"] = self
        core.answers["stop"] = self.woken.set

    def __call__(self, *_: object) -> None:
        """Wait to be woken, and say why."""
        host = self.core.host
        assert host is not None
        self.started.set()
        assert self.woken.wait(WAIT)
        raise PartialFailureError(Message("", str(host.stopped())), ID, INPUTS, OUTPUTS)


def test_cancel_wakes_what_waits(plugin: RunningPlugin, core: Core) -> None:
    """Cancel is answered while an operation waits; the operation then ends with what is true."""
    waiting = Waiting(core)
    request = provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS))
    create = plugin.stub.Create.future(request, timeout=WAIT)
    assert waiting.started.wait(WAIT)
    plugin.stub.Cancel(EMPTY, timeout=WAIT)
    error = create.exception()
    assert error.details() == CANCELLED
    assert detail_of(error)[1].id == ID


def test_configure_takes_the_stop_sign_down(plugin: RunningPlugin, core: Core) -> None:
    """After a Cancel, which also ends every healthy operation, a new Configure starts afresh."""
    first: EngineHost | None = core.host
    plugin.stub.Cancel(EMPTY, timeout=WAIT)
    assert first is not None
    assert first.stopped() == CANCELLED
    plugin.configure()
    assert core.host is not None
    assert core.host.stopped() is None
    assert first.stopped() == CANCELLED


def test_cancel_is_silent(plugin: RunningPlugin, engine: Engine) -> None:
    """The engine calls Cancel at the end of every operation, and again when it likes."""
    plugin.stub.Cancel(EMPTY, timeout=WAIT)
    plugin.stub.Cancel(EMPTY, timeout=WAIT)
    assert not engine.lines


@pytest.mark.parametrize("waits", [1, 100, MOST_WAITING + 100])
def test_waits_do_not_keep_the_engine_from_asking(plugin: RunningPlugin, core: Core, waits: int) -> None:
    """While operations wait, also more than may at once, all that needs no answer of EDAS is answered: Cancel first."""
    waiting = Waiting(core)
    core.answers["stop"] = lambda: None  # so deaf that only an answer to Cancel can end the test
    request = provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS))
    creates = [plugin.stub.Create.future(request, timeout=10 * WAIT) for _ in range(waits)]
    assert waiting.started.wait(WAIT)
    for _ in range(MOST_ANSWERING + 1):
        plugin.stub.Cancel(EMPTY, timeout=WAIT)
        plugin.stub.Attach(plugin_pb2.PluginAttach(), timeout=WAIT)
        plugin.stub.CheckConfig(provider_pb2.CheckRequest(urn=PROVIDER_URN), timeout=WAIT)
        check = provider_pb2.CheckRequest(urn=URN, news=struct(INPUTS))
        assert plugin.stub.Check(check, timeout=WAIT).inputs
    assert not any(create.done() for create in creates)
    waiting.woken.set()
    assert {create.exception().details() for create in creates} == {CANCELLED}
    plugin.configure()


def test_readings_do_not_keep_the_engine_from_asking(plugin: RunningPlugin, core: Core) -> None:
    """Whatever may wait for EDAS, be it a diff of a preview or a function, leaves the threads of answers alone."""
    started, free = threading.Semaphore(0), threading.Event()

    def wait(*_: object) -> None:
        started.release()
        assert free.wait(10 * WAIT)

    waiting = ("diff", "preview_create", "read", "delete", "invoke")
    core.answers |= dict.fromkeys(waiting, wait)
    news, olds = struct(INPUTS), struct(OUTPUTS)
    calls = [
        call
        for _ in range(MOST_ANSWERING)
        for call in (
            plugin.stub.Diff.future(provider_pb2.DiffRequest(urn=URN, id=ID, olds=olds, news=news)),
            plugin.stub.Create.future(provider_pb2.CreateRequest(urn=URN, properties=news, preview=True)),
            plugin.stub.Read.future(provider_pb2.ReadRequest(urn=URN, id=ID, properties=olds)),
            plugin.stub.Delete.future(provider_pb2.DeleteRequest(urn=URN, id=ID, properties=olds)),
            plugin.stub.Invoke.future(provider_pb2.InvokeRequest(tok="getApplication")),
        )
    ]
    for _ in calls:
        assert started.acquire(timeout=WAIT)
    plugin.stub.Cancel(EMPTY, timeout=WAIT)
    free.set()
    for call in calls:
        call.exception(timeout=WAIT)


def test_an_engine_that_dies_is_noticed(core: Core) -> None:
    """When the socket of the engine that started it is gone, operations are woken and the process is told to end."""
    engine, woken = Engine(), threading.Event()
    core.answers["stop"] = woken.set
    with RunningPlugin(core, engine.address).running() as plugin:
        plugin.configure()
        assert core.host is not None
        assert core.host.stopped() is None
        engine.server.stop(None).wait(WAIT)
        assert plugin.gone.wait(WAIT)
        assert woken.is_set()
        assert core.host.stopped() == ENGINE_GONE


def test_an_engine_that_dies_before_it_was_reached_is_noticed(core: Core) -> None:
    """An engine that started the plugin has listened: when nobody answers, it is gone."""
    engine = Engine()
    engine.server.stop(None).wait(WAIT)
    with RunningPlugin(core, engine.address).running() as plugin:
        assert plugin.gone.wait(WAIT)


def test_an_engine_that_attached_ends_its_operations_alone(core: Core) -> None:
    """A plugin that was started by hand goes on when an engine leaves that had attached to it."""
    engine, woken = Engine(), threading.Event()
    core.answers["stop"] = woken.set
    with RunningPlugin(core).running() as plugin:
        plugin.stub.Attach(plugin_pb2.PluginAttach(address=engine.address), timeout=WAIT)
        plugin.configure()
        assert core.host is not None
        assert core.host.stopped() is None
        engine.server.stop(None).wait(WAIT)
        assert woken.wait(WAIT)
        assert core.host.stopped() == ENGINE_GONE
        assert not plugin.gone.is_set()


def test_a_stranger_who_attaches_ends_nothing(core: Core) -> None:
    """A plugin that an engine started serves that engine, whoever else attaches and leaves again."""
    engine, stranger = Engine(), Engine()
    core.answers["check"] = lambda *_: Checked(INPUTS, (), (Message("", "a warning"),))
    with RunningPlugin(core, engine.address).running() as plugin:
        plugin.stub.Attach(plugin_pb2.PluginAttach(address=stranger.address), timeout=WAIT)
        stranger.server.stop(None).wait(WAIT)
        plugin.configure()
        plugin.stub.Check(provider_pb2.CheckRequest(urn=URN, news=struct(INPUTS)), timeout=WAIT)
        assert [line.message for line in engine.lines] == ["a warning"]
        assert core.host is not None
        assert core.host.stopped() is None
        assert not plugin.gone.is_set()
    engine.server.stop(None)


def test_messages_for_an_engine_that_does_not_answer_are_lost(plugin: RunningPlugin, core: Core) -> None:
    """An engine that cannot be reached is no reason for an operation to fail."""
    plugin.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"), timeout=WAIT)
    plugin.configure()
    core.answers["check"] = lambda *_: Checked(INPUTS, (), (Message("", "a warning"),))
    assert plugin.stub.Check(provider_pb2.CheckRequest(urn=URN, news=struct(INPUTS)), timeout=WAIT).inputs


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("Parameterize", "ParameterizeRequest"),
        ("Construct", "ConstructRequest"),
        ("Call", "CallRequest"),
    ],
)
def test_what_is_not_offered_is_not_implemented(
    plugin: RunningPlugin, method: str, request_type: str
) -> None:
    """The engine takes this code as an answer, not as a failure."""
    error = failure_of(getattr(plugin.stub, method), getattr(provider_pb2, request_type)())
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
