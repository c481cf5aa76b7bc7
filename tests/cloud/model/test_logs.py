from guardian_cloud.model.logs import FIELDS, only_listed
from hypothesis import given
from hypothesis import strategies as st

KEYS = st.one_of(st.sampled_from(sorted(FIELDS)), st.text(max_size=20))
VALUES = st.one_of(
    st.none(), st.integers(), st.text(), st.binary(), st.lists(st.text()), st.dictionaries(st.text(), st.text())
)


@given(st.dictionaries(KEYS, VALUES))
def test_no_line_ever_holds_what_is_not_listed(fields):
    given_names = set(fields)
    out = only_listed(None, "info", dict(fields))
    assert set(out) <= FIELDS | {"left_out"}
    for name, value in out.items():
        assert value is None or isinstance(value, str | int | float | bool)
        assert not isinstance(value, str) or len(value) <= 201 or name == "exception"
    assert out.get("left_out", 0) == len(given_names - set(out))
