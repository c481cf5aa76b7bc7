import itertools

from guardian_cloud.model.roles import ALLOWED, May, Role, allows, may_invite


def test_a_higher_role_may_whatever_a_lower_one_may():
    order = [Role.GUEST, Role.VIEWER, Role.ADMIN, Role.OWNER]
    for lower, higher in itertools.pairwise(order):
        assert ALLOWED[lower] < ALLOWED[higher]


def test_each_permission_is_somebodys_and_what_is_not_listed_is_nobodys():
    assert frozenset(May) == ALLOWED[Role.OWNER]
    assert not any(allows(role, "something new") for role in Role)


def test_nobody_lets_in_somebody_above_themselves():
    assert not may_invite(Role.ADMIN, Role.OWNER)
    assert not any(may_invite(Role.VIEWER, role) or may_invite(Role.GUEST, role) for role in Role)
    assert all(may_invite(Role.OWNER, role) for role in Role)
