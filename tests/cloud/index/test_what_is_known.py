"""What the cloud knows of an event is this list, and docs/security.md says why of each: who adds a column reads this line first."""

from guardian_cloud.index.tables import metadata

from guardian.protocol.v1 import events_pb2 as events

KNOWN = {
    "events": {
        "tenant_id", "event_id", "seq", "device_id", "camera", "serial", "time_s", "kind", "size", "sealed", "received_us",
    },
    "pushes": {"tenant_id", "seq", "member", "sealed"},
}  # fmt: skip


def test_the_cloud_keeps_nothing_else_of_an_event():
    for table, columns in KNOWN.items():
        assert {column.name for column in metadata.tables[table].columns} == columns


def test_nothing_else_of_an_event_leaves_home():
    assert set(events.Event.DESCRIPTOR.fields_by_name) == {
        "id",
        "camera",
        "serial",
        "time_s",
        "kind",
        "size",
        "sealed",
        "push",
    }
    assert set(events.Push.DESCRIPTOR.fields_by_name) == {"member", "sealed"}
