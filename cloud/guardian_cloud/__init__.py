"""The control plane: tenants, members, fleets, and the open part of events. It holds no key that opens anything of a home, and never sees video.

Of the edge it knows guardian.protocol and guardian.platform, and nothing else.
"""
