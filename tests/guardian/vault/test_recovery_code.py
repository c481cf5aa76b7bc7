import pytest

from guardian.model.errors import MistypedCode
from guardian.vault.recovery_code import ALPHABET, generate_code, parse_code

CODE = "2ANTC-49D60-W5PG7-Z9WWH-4PK12-TA9T7-1QSKW-THK7B"  # one that was generated: names of tests must not change


def test_a_code_has_140_random_bits_and_no_characters_that_look_alike():
    codes = {generate_code() for _ in range(200)}
    assert len(codes) == 200
    for code in codes:
        groups = code.split("-")
        assert [len(group) for group in groups] == [5] * 8
        assert set("".join(groups)) <= set(ALPHABET)
        assert len(parse_code(code)) == 28
    assert not set("ILOU") & set(ALPHABET)
    seen = {group[:4] for code in codes for group in code.split("-")[:7]}
    assert len(seen) > 1390, "each group is random"


@pytest.mark.parametrize(
    "written", [CODE.lower(), CODE.replace("-", ""), CODE.replace("-", "  "), f"\n {CODE}\r\n", CODE.replace("-", " – ")]
)
def test_it_is_taken_as_people_type_it(written):
    assert parse_code(written) == parse_code(CODE)


def test_letters_that_look_like_digits_are_taken_for_them():
    code = next(code for code in iter(generate_code, "") if "0" in code and "1" in code)
    for one in (code.replace("0", "O"), code.replace("1", "l"), code.replace("1", "I")):
        assert parse_code(one) == parse_code(code)


def test_one_wrong_character_is_found_with_its_group():
    for at, symbol in enumerate(CODE):
        for other in "" if symbol == "-" else ALPHABET:
            if other == symbol:
                continue
            with pytest.raises(MistypedCode, match=f"group {at // 6 + 1}$") as caught:
                parse_code(CODE[:at] + other + CODE[at + 1 :])
            assert caught.value.field == "code"


def test_two_characters_that_changed_places_are_found_with_their_group():
    for at in range(len(CODE) - 1):
        first, second = CODE[at], CODE[at + 1]
        if "-" in (first, second) or first == second:
            continue
        with pytest.raises(MistypedCode, match=f"group {at // 6 + 1}$"):
            parse_code(CODE[:at] + second + first + CODE[at + 2 :])


def test_groups_that_changed_places_are_found():
    groups = CODE.split("-")
    groups[2], groups[5] = groups[5], groups[2]
    with pytest.raises(MistypedCode, match="groups 3 and 6"):
        parse_code("-".join(groups))


def test_a_group_of_another_right_code_is_found_by_the_checksum():
    groups, others = CODE.split("-"), generate_code().split("-")
    groups[3] = others[3]
    with pytest.raises(MistypedCode, match="several slips"):
        parse_code("-".join(groups))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "0 characters"),
        (CODE[:-1], "group 8"),
        (CODE[:3] + CODE[4:], "group 1"),
        (CODE.replace("-", "")[:-1], "39 characters"),
        (CODE + "-22222", "45 characters"),
        ("U" + CODE[1:], "group 1"),
        (CODE[:-1] + "ß", "4"),
    ],
)
def test_what_is_no_code_is_said_without_repeating_it(typed, says):
    with pytest.raises(MistypedCode, match=says) as caught:
        parse_code(typed)
    assert CODE[:5] not in caught.value.message + caught.value.cure
