"""The one writer of status: a patch of what changed, on the version that was decided on."""

from hypothesis import given
from hypothesis import strategies as st

from stanch.shell.status import changes

JSON = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def merge(target, patch):
    """RFC 7386, as the API server does it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


@given(old=OBJECT, new=OBJECT)
def test_a_merge_patch_of_the_changes_gives_the_new_status(old, new):
    """Whatever stood there and whatever shall stand there."""
    assert new == merge(old, changes(old, new))


@given(old=OBJECT)
def test_nothing_changed_is_an_empty_patch(old):
    """No write without a difference."""
    assert {} == changes(old, old)
