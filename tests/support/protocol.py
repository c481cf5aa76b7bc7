"""The protocol as plain values, and what of a change would break those who speak the one before.

`python -m tests.support.protocol` (from the checkout) writes the snapshot after fields, messages or methods were added.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "tests" / "data" / "protocol-v1.json"
Protocol = dict[str, dict[str, Any]]


def files() -> list[Any]:
    """Return the descriptors of the generated code."""
    names = sorted(path.stem for path in (ROOT / "guardian/protocol/v1").glob("*.proto"))
    return [importlib.import_module(f"guardian.protocol.v1.{name}_pb2").DESCRIPTOR for name in names]


def described() -> Protocol:
    """Return messages, enumerations and services by full name; each a flat dictionary of strings."""
    found: Protocol = {"messages": {}, "enums": {}, "services": {}}
    for file in files():
        waiting = list(file.message_types_by_name.values())
        while waiting:
            message = waiting.pop()
            waiting += message.nested_types
            found["messages"][message.full_name] = {f"{one.number}": _field(one) for one in message.fields}
        for enum in file.enum_types_by_name.values():
            found["enums"][enum.full_name] = {f"{one.number}": one.name for one in enum.values}
        for service in file.services_by_name.values():
            found["services"][service.full_name] = {one.name: _method(one) for one in service.methods}
    return {kind: {name: found[kind][name] for name in sorted(found[kind])} for kind in found}


def _field(field: Any) -> str:
    kind = field.message_type or field.enum_type
    names = {getattr(type(field), name): name for name in dir(type(field)) if name.startswith("TYPE_")}
    words = [field.name, kind.full_name if kind else names[field.type][5:].lower()]
    words += ["repeated"] if field.is_repeated else []
    words += [f"in {field.containing_oneof.name}"] if field.containing_oneof else []
    return " ".join(words)


def _method(method: Any) -> str:
    ways = ["stream " * method.client_streaming, method.input_type.full_name, " → "]
    return "".join([*ways, "stream " * method.server_streaming, method.output_type.full_name])


def broken(before: Protocol, after: Protocol) -> list[str]:
    """Return what who speaks the one before would stumble over. Additions break nothing."""
    faults = []
    for kind, things in before.items():
        for name, parts in things.items():
            now = after[kind].get(name)
            if now is None:
                faults.append(f"{name} is gone")
                continue
            faults += [
                f"{name} {number}: {text} became {now.get(number, 'nothing')}"
                for number, text in parts.items()
                if now.get(number) != text
            ]
    return faults


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(described(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
