"""Secrets that their place in an object gives away: environment, arguments, probe headers, Secrets, ConfigMaps."""

import re
from collections.abc import Callable
from typing import Any

from stanch.core.plain import SECRET_NAME
from stanch.evidence.dig import dicts, mapping, sequence, text

Mask = Callable[[str, str], str]
Scrub = Callable[[str], str]
Obj = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_LOGIN_FLAGS = ("-u", "--user", "--proxy-user")  # curl -u me:hunter2
_LOGIN = re.compile(r"[^:]+:(?!\d{1,6}$)")  # and not the uid:gid of docker run -u 1000:1000
_GLUED = re.compile(r"(?:mysql|mariadb)")  # mysqldump -phunter2
_MASKED = re.compile(r"\*\*\*\w+(?::[0-9a-f]{8})?\*\*\*")


def clean(obj: Obj, mask: Mask, scrub: Scrub) -> Obj:
    """
    A copy along the paths that hold secrets; everything else is shared with the original.

    A ``value`` beside a secret-like ``name`` is masked wherever it stands: headers of a route, variables of a chart.
    ``mask`` makes a token of a family and a value; ``scrub`` masks by pattern what describe pages would cut first.
    """
    result = {**obj, "metadata": _metadata(mapping(obj, "metadata"), scrub)} if "metadata" in obj else dict(obj)
    kind = obj.get("kind")
    if kind in ("Secret", "ConfigMap"):
        return _lengths(result, mask)
    if "data" in obj:  # a ControllerRevision
        result["data"] = _with_template(mapping(obj, "data"), mask, scrub)
    cleaned: Obj = _named(_with_pods(result, mask, scrub), mask)
    return cleaned


def _named(value: Any, mask: Mask) -> Any:
    """Without any ``value`` whose ``name`` beside it is a secret's; the same object when there is none."""
    if isinstance(value, list):
        each = [_named(one, mask) for one in value]
        return each if any(new is not old for new, old in zip(each, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    changed = {key: new for key, old in value.items() if (new := _named(old, mask)) is not old}
    said, name = value.get("value"), value.get("name")
    is_secret = isinstance(name, str) and SECRET_NAME.search(name)
    if is_secret and said and isinstance(said, str) and not _MASKED.fullmatch(said):
        changed["value"] = mask("named", said)
    return {**value, **changed} if changed else value


def _metadata(metadata: Obj, scrub: Scrub) -> Obj:
    """Without the copy of the object that kubectl keeps; of managed fields only who wrote when."""
    result = dict(metadata)
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        result["annotations"] = {
            key: scrub(value) if isinstance(value, str) else value
            for key, value in annotations.items()
            if key != LAST_APPLIED
        }
    managers = metadata.get("managedFields")
    if isinstance(managers, list):
        result["managedFields"] = [
            {key: value for key, value in each.items() if key != "fieldsV1"}
            for each in dicts(metadata, "managedFields")
        ]
    return result


def _lengths(obj: Obj, mask: Mask) -> Obj:
    """Keys, sizes and tokens in place of values: what is equal in two bundles can be seen, and what was changed."""
    for part in ("data", "stringData", "binaryData"):
        if part in obj:
            obj[part] = {key: _sized(text(value), mask) for key, value in mapping(obj, part).items()}
    return obj


def _sized(value: str, mask: Mask) -> str:
    return f"<{len(value)} characters, {mask('data', value)}>" if value else "<0 characters>"


def _with_pods(obj: Obj, mask: Mask, scrub: Scrub) -> Obj:
    """Clean the pod that it is, makes, or has a Job make."""
    spec = mapping(obj, "spec")
    if isinstance(spec.get("jobTemplate"), dict):
        job = spec["jobTemplate"]
        job = {**job, "metadata": _metadata(mapping(job, "metadata"), scrub)} if "metadata" in job else job
        return {**obj, "spec": {**spec, "jobTemplate": _with_template(job, mask, scrub)}}
    return _with_template(obj, mask, scrub) if "template" in spec else _with_containers(obj, mask)


def _with_template(obj: Obj, mask: Mask, scrub: Scrub) -> Obj:
    """Clean ``spec.template`` as if it were a pod."""
    spec = mapping(obj, "spec")
    if not isinstance(spec.get("template"), dict):
        return obj
    template = dict(spec["template"])
    if isinstance(template.get("metadata"), dict):
        template["metadata"] = _metadata(template["metadata"], scrub)
    return {**obj, "spec": {**spec, "template": _with_containers(template, mask)}}


def _with_containers(pod: Obj, mask: Mask) -> Obj:
    spec = pod.get("spec")
    if not isinstance(spec, dict):
        return pod
    cleaned = {
        part: [_container(each, mask) if isinstance(each, dict) else each for each in spec[part]]
        for part in _CONTAINERS
        if isinstance(spec.get(part), list)
    }
    return {**pod, "spec": {**spec, **cleaned}} if cleaned else pod


def _container(container: Obj, mask: Mask) -> Obj:
    result = dict(container)
    if "env" in container:
        result["env"] = [_variable(each, mask) for each in dicts(container, "env")]
    line = [each for part in ("command", "args") for each in sequence(container, part)]
    glued = _is_glued(line)
    for part in ("command", "args"):
        if part in container:
            result[part] = _arguments(sequence(container, part), mask, glued)
    for part in _PROBES:
        if part in container:
            result[part] = _call(mapping(container, part), mask)
    if "lifecycle" in container:
        hooks = mapping(container, "lifecycle")
        calls = {part: _call(mapping(hooks, part), mask) for part in _HOOKS if part in hooks}
        result["lifecycle"] = {**hooks, **calls}
    return result


def _variable(variable: Obj, mask: Mask) -> Obj:
    value = text(variable, "value")
    if not value or not SECRET_NAME.search(text(variable, "name")):
        return variable
    return {**variable, "value": mask("env", value)}


def _is_glued(line: list[Any]) -> bool:
    """Is it a command of which `-p` takes the rest of its word for a password?"""
    return bool(line) and bool(_GLUED.match(text(line[0]).rpartition("/")[2]))


def _arguments(arguments: list[Any], mask: Mask, glued: bool) -> list[Any]:
    """
    Values of flags with secret-like names: ``--db-password=x``, or ``--db-password`` and then ``x``; where they are ``glued``,
    also ``-px``.
    """
    result: list[Any] = []
    follows = False
    before: Any = None
    for argument in arguments:
        name, joint, value = argument.partition("=") if isinstance(argument, str) else ("", "", "")
        is_flag = name.startswith("-") and " " not in name
        secret = (is_flag or joint) and "\n" not in name and len(name) <= 64 and SECRET_NAME.search(name)
        if follows and isinstance(argument, str) and not is_flag:
            result.append(mask("arg", argument))
        elif secret and value and " " not in name:
            result.append(f"{name}={mask('arg', value)}")
        elif glued and isinstance(argument, str) and argument.startswith("-p") and len(argument) > len("-p"):
            result.append(f"-p{mask('arg', argument[2:])}")
        elif before in _LOGIN_FLAGS and isinstance(argument, str) and _LOGIN.match(argument):
            user, _, password = argument.partition(":")
            result.append(f"{user}:{mask('arg', password)}")
        else:
            result.append(argument)
        follows = bool(secret and is_flag and not joint)
        before = argument
    return result


def _call(call: Obj, mask: Mask) -> Obj:
    """A probe or hook: HTTP headers that carry a login, and its command."""
    result = dict(call)
    request = call.get("httpGet")
    if isinstance(request, dict) and "httpHeaders" in request:
        headers = [
            {**each, "value": mask("header", text(each, "value"))} if SECRET_NAME.search(text(each, "name")) else each
            for each in dicts(request, "httpHeaders")
        ]
        result["httpGet"] = {**request, "httpHeaders": headers}
    if isinstance(call.get("exec"), dict):
        words = sequence(call, "exec", "command")
        result["exec"] = {**call["exec"], "command": _arguments(words, mask, _is_glued(words))}
    return result
