"""eth-account, the second judge of our signatures. Its import raises the recursion limit to 100,000 (py_ecc does), after which
JSON that is nested too deep ends the process where it would raise: the limit is put back.
"""

import sys

_limit = sys.getrecursionlimit()
try:
    from eth_account import Account
    from eth_account.messages import encode_typed_data
finally:
    sys.setrecursionlimit(_limit)

__all__ = ["Account", "encode_typed_data"]
