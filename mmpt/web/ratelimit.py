"""How much one client may ask for."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["RATE", "RateLimit"]

RATE = 6_000
"""Searches a minute: a hundred a second, more than a person or a browser needs."""
_MINUTE = 60 * 10**9
_CLIENTS = 10_000
"""Clients that are remembered at most."""


class RateLimit:
    """Lets each client have a minute's worth at once, and then one after the other as time passes.

    This is a token bucket, kept as one number a client: the time at which it will be full again.

    Args:
        rate: What a client may ask for in a minute.
        clock: Returns nanoseconds.
    """

    def __init__(self, rate: int = RATE, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.rate = rate
        self._clock = clock
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def wait(self, address: str) -> int:
        """Count a request and return 0; of one that is too many, return the seconds until it is not.

        Args:
            address: Of the client. In IPv6, where one machine may have all addresses of its network, the
                network counts as one client.
        """
        now, client = self._clock(), _network(address) if ":" in address else address
        full_at = max(now, self._full_at.pop(client, now))
        wait = full_at + _MINUTE // self.rate - (now + _MINUTE)
        self._full_at[client] = full_at if wait > 0 else full_at + _MINUTE // self.rate
        if len(self._full_at) > _CLIENTS:
            self._full_at.popitem(last=False)  # who has been silent for longest
        return math.ceil(max(wait, 0) / 10**9)


def _network(address: str) -> str:
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
