"""Every error and warning by its short code, with its cause and its fix.

This file's law: a code keeps its meaning for ever and is never given twice. A message is born with its code, and the
code is put behind its text where it leaves the process, by ``Message.with_code`` alone. Tests hold each row to the
sentences of this package, and each code in this package to a row. docs/errors.md is made of these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self


class Message(str):
    """A text for the user that knows its short code; what is added to it keeps the code.

    Args:
        code: ``ES301``; empty for a text that explains itself.
        text: the sentences.
    """

    __slots__ = ("code",)

    code: str

    def __new__(cls, code: str, text: str) -> Self:
        """Make a text that knows its code."""
        message = super().__new__(cls, text)
        message.code = code
        return message

    def __add__(self, more: str) -> Message:
        """Return the message with more text behind it."""
        return Message(self.code, f"{self}{more}")

    def with_code(self) -> str:
        """Return the text with its short code behind it, ``… Remove one. [ES102]``."""
        return f"{self} [{self.code}]" if self.code else str(self)


Failure = tuple[str, Message]
"""What is wrong with a property: its path as in the schema (``instanceIds[1]``), and the reason in full sentences."""


def format_failure(path: str, reason: Message) -> Message:
    """Return how a failure is said: after the path of its property, where it has one."""
    return Message(reason.code, f"{path}: {reason}") if path else reason


def join_messages(messages: Sequence[Message]) -> Message:
    """Return several messages as one; where another kind follows, the code stands behind its own sentences."""
    most = (one if one.code == two.code else one.with_code() for one, two in pairwise(messages))
    return Message(messages[-1].code, " ".join([*most, messages[-1]]))


GAP: Final = " … "
"""Stands in the words of a row for anything."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of message.

    Args:
        code: ``ES101``; the first figure says what it is about (``TOPICS``).
        words: what only this message says, with ``GAP`` where anything may stand.
        cause: why it is said.
        fix: what to do, in sentences.
    """

    code: str
    words: str
    cause: str
    fix: str

    @property
    def topic(self) -> str:
        """The part of the page of errors it is explained in."""
        return TOPICS[self.code[2]]


TOPICS: Final = {
    "1": "program",
    "2": "limit",
    "3": "preview",
    "4": "drift",
    "5": "waiting",
    "6": "failed",
    "7": "edas",
    "9": "bug",
}
"""By the first figure of a code."""

ROWS: Final = (
    Row(
        "ES101",
        "neither instanceIds nor ecuIds is given",
        "both lists are absent",
        "Give one; [] means no members.",
    ),
    Row("ES102", "is already given as", "an id twice in a list", "Remove one."),
    Row(
        "ES103",
        "is the same machine as",
        "one machine by its ECS id and by its ECU id",
        "Remove one of the two.",
    ),
    Row(
        "ES104",
        "was given where … an ECS instance id",
        "not the id of an ECS instance",
        "Copy it from the ECS console; one id in each element, no commas.",
    ),
    Row("ES105", "is an ECU id: it belongs in ecuIds", "the id is in the wrong list", "Move it to ecuIds."),
    Row(
        "ES106",
        "is an ECS instance id: it belongs in instanceIds",
        "the id is in the wrong list",
        "Move it to instanceIds.",
    ),
    Row(
        "ES107",
        "is the name of a deploy group of",
        "a name where an id is needed",
        "Use the id that the message gives, or the function getDeployGroup.",
    ),
    Row(
        "ES108",
        "is the name of a group; its id is needed",
        "the name that the first group of every application has",
        "Look up its id with the function getDeployGroup, or with 'edas-scale status'.",
    ),
    Row(
        "ES109",
        "was given where",
        "another type, a number out of bounds, or a text that cannot be right",
        "The message says what is expected.",
    ),
    Row(
        "ES110",
        "DeployGroupMembership has no such input",
        "a misspelt input",
        "The message names the nearest one.",
    ),
    Row("ES111", "this is an output of DeployGroupMembership", "an output is set as an input", "Remove it."),
    Row(
        "ES112",
        "no region is given",
        "no region anywhere",
        "Run 'pulumi config set edas-scale:regionId cn-hangzhou', or set regionId on the resource.",
    ),
    Row(
        "ES113",
        "the id of the EDAS application is required",
        "appId is absent",
        "Set it; 'edas-scale status' finds it by name.",
    ),
    Row(
        "ES114",
        "the id of the deploy group is required",
        "groupId is absent",
        "Set it; the function getDeployGroup and 'edas-scale status' show it.",
    ),
    Row("ES115", "is also listed by", "an id in two memberships", "Remove it from one."),
    Row(
        "ES116",
        "is exclusive, so deploy group",
        "another membership of the group beside an exclusive one",
        "Merge them, or drop exclusive.",
    ),
    Row(
        "ES117",
        "exchange instances",
        "two memberships need each other's instances",
        "Take two runs: first remove the instances from the old lists, then add them to the new ones.",
    ),
    Row(
        "ES118",
        "runs on a Kubernetes cluster",
        "the application has pods, not members",
        "Scale it by its replicas.",
    ),
    Row(
        "ES119",
        "is not the id of a membership",
        "a wrong id in 'pulumi import'",
        "An id is <regionId>/<appId>/<groupId>.",
    ),
    Row(
        "ES120",
        "There is nothing to import",
        "no such group, or not for these credentials",
        "Check the id, the region and the credentials.",
    ),
    Row(
        "ES121",
        "there is no such setting",
        "a misspelt setting",
        "The message names the nearest one.",
    ),
    Row(
        "ES122",
        "give exactly one of groupId and groupName",
        "both or neither were given",
        "Give one of them.",
    ),
    Row(
        "ES123",
        "Its groups are:",
        "no group, or several, with the id or name a function was asked for",
        "Use an id that the message lists.",
    ),
    Row("ES124", "must be a whole number, 0 or more", "an impossible count", "Ask for none or more."),
    Row(
        "ES125",
        "machines are asked for, but cluster",
        "the cluster has fewer free machines",
        "Import more instances into the cluster, or ask for fewer.",
    ),
    Row("ES126", "the name of the application is needed", "no name was given", "Give it."),
    Row(
        "ES127",
        "the name … in region",
        "no application, or several, with that name",
        "Check name, region and credentials; where several have it, use the id.",
    ),
    Row("ES128", "the id of the application is needed", "no application was given", "Give its id."),
    Row(
        "ES129",
        "is not a function of this package",
        "an SDK of another version",
        "Generate or install the SDK again.",
    ),
    Row(
        "ES130",
        "is not a resource of this package",
        "an SDK of another version",
        "Generate or install the SDK again.",
    ),
    Row(
        "ES131",
        "is not set",
        "no region anywhere",
        "Set regionId, or edas-scale:regionId, or ALIBABA_CLOUD_REGION_ID.",
    ),
    Row(
        "ES132",
        "expected a URL such as",
        "an endpoint that is not an address",
        "Write it with its scheme and host, and nothing behind them.",
    ),
    Row(
        "ES133",
        "in upper and lower case alone",
        "an id in capitals, as old machines print their own",
        "Write it as the message gives it.",
    ),
    Row(
        "ES134",
        "is the name of an application; its id is needed",
        "a name where an id is needed",
        "Use the id that the message gives, or the function getApplication.",
    ),
    Row(
        "ES135",
        "is not listed in region",
        "no such application for these credentials in this region",
        "Check appId, region, credentials and endpoint; the message says what was asked, and what there is.",
    ),
    Row(
        "ES136",
        "there is no region",
        "a misspelt region",
        "Use the region that the message names.",
    ),
    Row(
        "ES139",
        "which edas-scale cannot use: its calls are signed with",
        "keys or a profile of another provider in the stack's settings, which a plugin of its own does not see",
        "Name the same account by edas-scale:profile, or by the environment.",
    ),
    Row(
        "ES201",
        "running, but minRunning is",
        "the scale in would leave too few running members",
        "Add instances first, start members that do not run, or lower minRunning.",
    ),
    Row(
        "ES202",
        "but maxRemovals is",
        "more members would leave than allowed",
        "Is the list right? If so, raise it for this run.",
    ),
    Row(
        "ES301",
        "so EDAS cannot add it",
        "the instance is not in the application's cluster",
        "Import it into the cluster, in the same program or by hand.",
    ),
    Row("ES302", "but EDAS still converts it", "its import into the cluster is not finished", "Wait."),
    Row("ES303", "but EDAS could not convert it", "its import into the cluster failed", "Import it again."),
    Row(
        "ES304",
        "but its EDAS agent is offline",
        "the agent does not answer",
        "Start the instance, restart the agent.",
    ),
    Row(
        "ES305",
        "is in another deploy group of",
        "it is a member elsewhere",
        "Remove it there first; the membership that lists it there gives it up in the same run.",
    ),
    Row(
        "ES306",
        "but another application uses it",
        "EDAS runs one application on an instance",
        "Remove it there.",
    ),
    Row(
        "ES307",
        "has no deploy group",
        "the group is not there (yet)",
        "Create it, or use one of the ids in the message.",
    ),
    Row(
        "ES308",
        "will be scaled in, because",
        "exclusive scales in members that are not listed",
        "List them, or set exclusive to false.",
    ),
    Row(
        "ES309",
        "so the change orders are not shown",
        "EDAS could not be read; the cause stands in the message",
        "Nothing, if the cause is over: the update reads again.",
    ),
    Row(
        "ES310",
        "as recorded, although the settings now say",
        "another region in the settings than in state",
        "State regionId in the program to settle it.",
    ),
    Row(
        "ES311",
        "so it cannot be told whether anything changed",
        "a recorded membership cannot be read, so it is not known whether anything changed",
        "Remove the cause that the message names; to preview without reading, set edas-scale:previewReads to false.",
    ),
    Row(
        "ES312",
        "so nothing leaves until",
        "a replacement that deletes first would empty the old group for machines that cannot join the new one",
        "Make every listed instance able to join, or take it out of the list.",
    ),
    Row(
        "ES401",
        "Drift: … left",
        "a managed member is gone; the message says by which change order, where a recent one names it",
        "Nothing: the next 'pulumi up' scales it out again, if it is still listed.",
    ),
    Row(
        "ES402",
        "Drift: moved out of",
        "it is in another group now",
        "The next 'pulumi up' brings it back once it is free there, and never scales it in there.",
    ),
    Row(
        "ES403",
        "Drift: not running in",
        "it is stopped or unhealthy, or its agent is off",
        "Start it; 'pulumi up' leaves it alone, unless its join had failed.",
    ),
    Row(
        "ES404",
        "Unfinished work of the last update",
        "an update of ours was interrupted or failed, and this is what it left to do",
        "Run 'pulumi up': it finishes the work. It is not drift.",
    ),
    Row(
        "ES501",
        "it waits until somebody confirms its next batch",
        "an order with manual batches",
        "Confirm it in the console, or set confirmBatches.",
    ),
    Row(
        "ES502",
        "which is not documented; waiting for one that is",
        "a status that EDAS does not document",
        "Look at the order in the console; please report the number.",
    ),
    Row(
        "ES503",
        "No package was ever deployed to",
        "new members of a group without a deployment stay stopped",
        "Deploy the application.",
    ),
    Row(
        "ES504",
        "is shorter than joinTimeoutSeconds",
        "the operation ends before missing instances are given up",
        "Raise the time-out, or lower joinTimeoutSeconds.",
    ),
    Row(
        "ES505",
        "as they are, and not running",
        "a listed instance was a member already, and does not run",
        "Start it, or read the application's logs on it; 'pulumi up' leaves it alone.",
    ),
    Row(
        "ES601",
        "failed: change order",
        "the order ended badly",
        "By instance the message gives EDAS's code, its cause and its fix. Then run 'pulumi up'.",
    ),
    Row(
        "ES602",
        "After … seconds:",
        "an instance joined and is not up: stopped, unhealthy, silent, or not even listed",
        "The message says for each what to do. Then run 'pulumi up'.",
    ),
    Row(
        "ES603",
        "still listed",
        "EDAS accepted to scale them in, and they stay",
        "Look at the order in the console; a forced scale in has no effect on some agents.",
    ),
    Row(
        "ES604",
        "seconds passed",
        "timeoutSeconds is over",
        "An order that it names goes on; 'pulumi up' waits for it and sends nothing twice.",
    ),
    Row("ES605", "was stopped:", "Ctrl-C, or the engine is gone", "Run 'pulumi up'."),
    Row(
        "ES606",
        "cannot tell gone from another account",
        "neither the application nor its cluster can be read",
        "Check credentials, profile and ALIBABA_CLOUD_ENDPOINT_EDAS. If it is really gone: 'pulumi state delete'.",
    ),
    Row(
        "ES701",
        "no credentials were found",
        "nothing in the places that the message lists",
        "'edas-scale doctor' looks at each.",
    ),
    Row(
        "ES702",
        "no usable credentials in the profile",
        "the profile is not there, or incomplete",
        "Name another, or sign in.",
    ),
    Row(
        "ES703",
        "answered … The RAM action",
        "a permission is missing",
        "Grant the action that is named; 'edas-scale ram-policy' prints the least policy.",
    ),
    Row(
        "ES704",
        "answered … InvalidAccessKey",
        "a wrong access key",
        "Correct it where the message says that it comes from; 'edas-scale doctor' looks at each of its parts.",
    ),
    Row(
        "ES705",
        "answered … SignatureDoesNotMatch",
        "a wrong secret",
        "Correct it where the message says that it comes from; 'edas-scale doctor' looks at each of its parts.",
    ),
    Row(
        "ES706",
        "the name of the endpoint cannot be resolved",
        "DNS, or a wrong endpoint",
        "Check edas-scale:endpoint and the region.",
    ),
    Row(
        "ES707",
        "the connection was refused",
        "nothing listens there; often an emulator that ended",
        "Check edas-scale:endpoint and ALIBABA_CLOUD_ENDPOINT_EDAS: one may name an emulator that has ended.",
    ),
    Row(
        "ES708",
        "no connection could be made",
        "the network, or a proxy",
        "Check network and proxy settings with 'edas-scale doctor'.",
    ),
    Row(
        "ES709",
        "the certificate of the endpoint is not trusted",
        "a proxy in between, or a wrong address",
        "Name the proxy's certificates with REQUESTS_CA_BUNDLE.",
    ),
    Row(
        "ES710",
        "no answer arrived in time",
        "EDAS or the network is slow",
        "It was tried again by itself, and this is what was seen last: try again later.",
    ),
    Row(
        "ES711",
        "the connection broke before an answer arrived",
        "the network",
        "It was tried again by itself, and this is what was seen last: try again later.",
    ),
    Row(
        "ES712",
        "the endpoint points elsewhere",
        "the address answers with a redirection",
        "Set edas-scale:endpoint to the address itself.",
    ),
    Row(
        "ES713",
        "answered",
        "EDAS or the gateway refused a call, or is out of order",
        "Correct what EDAS's text names, or try again later; Alibaba Cloud support finds the call by its RequestId.",
    ),
    Row(
        "ES714",
        "the call failed before an answer was read",
        "something between here and EDAS broke off",
        "'edas-scale doctor' looks at what is in between; then try again.",
    ),
    Row(
        "ES715",
        "failed: … no answer came",
        "something between here and EDAS broke off",
        "'edas-scale doctor' looks at what is in between; then try again.",
    ),
    Row(
        "ES716",
        "the answer is larger than 64 MB",
        "what answers is not EDAS, or is broken",
        "Check edas-scale:endpoint and proxies.",
    ),
    Row(
        "ES717",
        "names a SOCKS proxy, and only HTTP proxies can be used",
        "a proxy variable of the environment, often ALL_PROXY",
        "Set HTTPS_PROXY to an HTTP proxy, or name the endpoint in NO_PROXY.",
    ),
    Row(
        "ES718",
        "names certificates that cannot be read",
        "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE",
        "Correct or unset the variable.",
    ),
    Row(
        "ES719",
        "The shape of this answer was not understood",
        "EDAS spells a part of its answer in an unknown way, or leaves out a list that cannot be empty",
        "Run 'edas-scale doctor --record FILE' and attach what it saves to an issue; nothing was concluded from it.",
    ),
    Row(
        "ES720",
        "the credentials that are there do not work",
        "an expired sign-in, a missing token file, half-set variables, a token service that cannot be reached",
        "Correct what the message names, or sign in again with 'aliyun configure'.",
    ),
    Row(
        "ES901",
        "Please report this, it is a bug",
        "a defect of this package",
        "Please report it, with the message.",
    ),
)
"""In the order of the page; rows are added and reworded, a code is never used again."""

BY_CODE: Final = {row.code: row for row in ROWS}
