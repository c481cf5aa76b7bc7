"""The relay: one home's sealed bytes on their way. It holds no key to them. Of guardian it imports `guardian.protocol` alone."""
