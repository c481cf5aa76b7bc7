import pytest

from guardian.model.ids import is_camera_id, is_uuid7, uuid7


def test_ids_sort_by_time_and_carry_version_and_variant():
    early, late = uuid7(1_700_000_000_000, b"\xff" * 10), uuid7(1_700_000_000_001, b"\x00" * 10)
    assert early < late
    assert is_uuid7(early)
    assert early[14] == "7"
    assert early[19] in "89ab"
    assert early.startswith("018bcfe5-6800-7")


@pytest.mark.parametrize(("ms", "random"), [(-1, b"\0" * 10), (1 << 48, b"\0" * 10), (0, b"\0" * 9)])
def test_what_does_not_fit_is_refused(ms, random):
    with pytest.raises(ValueError, match="must"):
        uuid7(ms, random)


@pytest.mark.parametrize(
    "text", ["", "x", "../../etc/passwd", "018bcfe5-6800-4000-8000-000000000000", uuid7(1, b"\0" * 10).upper() + "\n"]
)
def test_other_texts_are_no_ids(text):
    assert not is_uuid7(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("front-door", True),
        ("0", True),
        ("", False),
        ("-a", False),
        ("A", False),
        ("a" * 33, False),
        ("a/b", False),
        ("a\n", False),
    ],
)
def test_camera_ids(text, good):
    assert is_camera_id(text) is good
