"""A difference is shown to everybody who may read the incident, so no secret is in it."""

import pytest

from stanch.core.diff import differences

ENV = [{"name": "PASSWORD", "value": "hunter2"}]
WITH = {"containers": [{"name": "app", "image": "a:1", "env": ENV}]}
PROBE = {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "hunter2"}]}}}


@pytest.mark.parametrize(
    "other",
    [
        {"containers": [{"name": "app", "image": "a:1"}]},
        {"containers": [{"name": "app", "image": "a:1", "env": []}]},
        {"containers": [{"name": "app", "image": "a:1", "env": [{"name": "PASSWORD", "value": "other"}]}]},
        {"containers": []},
        {"containers": None},
        {},
        None,
        {"containers": [{"name": "app", "image": "a:1", "env": ENV, **PROBE}]},
        {"containers": [{"name": "app", "image": "a:1", "env": ENV, "args": ["--password=hunter2"]}]},
        {"containers": [{"name": "app", "image": "a:1", "env": ENV}], "initContainers": WITH["containers"]},
    ],
)
def test_no_value_of_env_is_shown_however_it_came_or_went(other):
    """
    Added, removed, changed, with its container or without: the path is told, the value is not.
    """
    for lines in (differences(WITH, other), differences(other, WITH)):
        assert lines
        assert "hunter2" not in "\n".join(lines)


def test_what_is_empty_is_not_lost():
    """
    An empty map is something else than none.
    """
    assert ("a: (none) -> {}",) == differences({}, {"a": {}})
    assert ("a[0]: (none) -> 1", "a[1]: (none) -> 2") == differences({}, {"a": [1, 2]})


def test_a_whole_file_is_not_shown():
    """
    What has lines may be a configuration file, with a password in it.
    """
    assert ("data.a: (not shown) -> off",) == differences("password: hunter2\nuser: shop\n", "off", "data.a")
