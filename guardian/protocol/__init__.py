"""What Guardians say to each other over the network: protobuf definitions with the code generated from them, and the rules by
which both ends make and check what is said. Pure but for `rpc`; nothing here is imported that a relay does not have.

Plugins, relay and cloud may import it: what goes over the wire is as public as the SDK.
"""
