"""Listening: a socket, uvicorn on it, and words on what can go wrong."""

import ipaddress
import os
import resource
import socket

import uvicorn
from starlette.types import ASGIApp

from mmpt.errors import ConfigError

__all__ = ["address_of", "is_open", "listen", "make_server"]

_BACKLOG = 2048
_LARGEST_HEAD = 512 << 10
"""Bytes of a request line and headers: a query that is far too long still gets its sentence."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on ``host`` and ``port`` (0: any that is free).

    Raises:
        ConfigError: If the address is not ours or taken.
    """
    try:
        if not 0 <= port <= 65535:
            raise OverflowError("ports are numbers from 0 to 65535")
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else error  # without Python's tuples
        raise ConfigError(
            f"Port {port} of {host} cannot be listened on ({reason}). Give another --port, or 0 for any "
            "that is free, and as --host an address of this machine."
        ) from error


def address_of(listening: socket.socket) -> str:
    """Return the address of the page, such as ``http://127.0.0.1:8000``; on all addresses, by our name."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_open(listening: socket.socket) -> bool:
    """Tell whether other machines can reach the socket."""
    return not ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def make_server(app: ASGIApp) -> uvicorn.Server:
    """Return what answers on sockets: ``make_server(app).run(sockets=[listening])``, until Ctrl-C."""
    # A connection is a file: as many as the system allows.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)
