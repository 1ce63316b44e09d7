"""``edas-scale adopt``: the program and the imports that bring an application's groups under Pulumi.

This file's law: what it prints describes what is there, member by member, whether it runs or not, so that after
the imports the program previews clean.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

import click

from pulumi_edas_scale.cli.context import Cloud, with_cloud
from pulumi_edas_scale.cli.output import Failure, Form, note, say, say_value
from pulumi_edas_scale.cli.programs import LANGUAGES, Membership, resource_names
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.fields import BY_NAME
from pulumi_edas_scale.domain.inputs import import_inputs, membership_id
from pulumi_edas_scale.operations.observe import find_kubernetes

TOKEN: Final = "edas-scale:index:DeployGroupMembership"  # noqa: S105 - Pulumi's word for a type's name


@dataclass(frozen=True, slots=True)
class _Adopted:
    membership: Membership
    id: str

    @property
    def command(self) -> str:
        """The import: not protected, because the program does not protect it either."""
        words = ["pulumi", "import", TOKEN, self.membership.name, self.id]
        return f"{shlex.join(words)} --protect=false --generate-code=false --yes"


@click.command("adopt")
@click.argument("app")
@click.option(
    "--language",
    type=click.Choice(tuple(LANGUAGES)),
    default="python",
    show_default=True,
    help="Language of the program.",
)
@click.option("--include-empty", is_flag=True, help="Take deploy groups without members, too.")
@click.option("--commands", "only_commands", is_flag=True, help="Print the import commands only.")
@with_cloud
def adopt(  # noqa: PLR0913 - one argument per option
    *, cloud: Cloud, app: str, language: str, include_empty: bool, only_commands: bool, form: Form
) -> None:
    """Print a program for the deploy groups of APP (id or name), and the commands that import them.

    The commands are a comment at the top of the program, so that the output can be saved as it is. Run them in
    its directory, in the stack that will manage the groups; nothing in EDAS changes.
    """
    live = cloud.application(app)
    if find_kubernetes(cloud.session, live.app_id, live, cloud.context) is not None:
        words = (
            f"Application {live.name} ({live.app_id}) runs on a Kubernetes cluster, where pods are scaled and not ECS "
            "instances: there is no membership to adopt."
        )
        raise Failure(Message("ES118", words).with_code())
    groups = [each for each in live.groups if include_empty or live.members_of(each.group_id)]
    if not groups:
        raise Failure(
            f"No deploy group of application {live.name} ({live.app_id}) has members, so there is nothing to adopt. "
            "--include-empty takes groups without members."
        )
    names = resource_names(live.name, [each.name for each in groups])
    adopted = []
    for group, name in zip(groups, names, strict=True):
        scope = cloud.scope(live, group)
        inputs = import_inputs(scope, live.members_of(group.group_id))
        # A program that states every default would hide what is special about the group.
        stated = {key: value for key, value in inputs.items() if value != BY_NAME[key].default}
        adopted.append(_Adopted(Membership(name, stated), membership_id(scope)))
    target = LANGUAGES[language]
    commands = [each.command for each in adopted]
    program = target.render(live.name, [each.membership for each in adopted], commands)
    if form is not Form.TABLE:
        imports = [{"name": each.membership.name, "id": each.id, "command": each.command} for each in adopted]
        say_value({"language": language, "file": target.file, "program": program, "imports": imports}, form)
    elif only_commands:
        say("\n".join(commands))
    else:
        say(program.rstrip("\n"))
        note(
            f"Save it as {target.file} and run the commands at its top; then 'pulumi preview' shows no change."
        )
