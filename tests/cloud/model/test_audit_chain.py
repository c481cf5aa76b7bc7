from dataclasses import replace

from guardian_cloud.model.audit_chain import START, Entry, digest, first_break
from hypothesis import given
from hypothesis import strategies as st


def chain(count):
    made, previous = [], START
    for number in range(1, count + 1):
        entry = Entry(number, number * 10, f"actor {number}", "did", "thing", "192.0.2.0/24")
        previous = digest(previous, entry)
        made.append((entry, previous))
    return made


def test_a_whole_chain_holds():
    assert first_break([]) is None
    assert first_break(chain(20)) is None


def test_the_digest_is_what_the_law_says():
    assert (
        digest(START, Entry(1, 2, "a", "b", "c", "d")).hex()
        == "dbae2244559e1b65d0a0b7c7b9f1332535cb3eef97b467105f20c4f3f47360d9"
    )


@given(st.integers(0, 9), st.sampled_from(["at_us", "actor", "action", "object", "origin", "number"]))
def test_a_change_is_found_where_it_was_made(place, field):
    entries = chain(10)
    entry, kept = entries[place]
    entries[place] = (replace(entry, **{field: 99 if field in ("at_us", "number") else "changed"}), kept)
    assert first_break(entries) == place + 1


def test_what_was_taken_out_or_swapped_is_found():
    entries = chain(10)
    assert first_break(entries[:4] + entries[5:]) == 5
    assert first_break([*entries[:3], entries[4], entries[3], *entries[5:]]) == 4
    assert first_break(entries[1:]) == 1
