"""What Guardians say to each other over the network: protobuf definitions and the code generated from them, nothing else.

Plugins may import it: what goes over the wire is as public as the SDK.
"""
