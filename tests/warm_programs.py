"""``mmpt`` and ``python`` that start in milliseconds: forks of a process that has the large modules."""

import json
import logging
import os
import runpy
import signal
import socket
import sys
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path

from mmpt_cli.main import run

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys

asked = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
os.chdir({folder!r})  # the address of a socket is short
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect("door")
    socket.send_fds(connection, [len(asked).to_bytes(4, "big")], [0, 1, 2])
    connection.sendall(asked)
    answers = connection.makefile()
    process = int(next(answers))
    signal.signal(signal.SIGINT, lambda *_: os.kill(process, signal.SIGINT))
    sys.exit(int(next(answers)))
"""


def write_programs(folder: Path) -> None:
    """Write the two programs; what they are asked for, a process with :func:`serve_programs` runs."""
    for name in ("mmpt", "python"):
        (folder / name).write_text(CLIENT.format(python=sys.executable, folder=str(folder)))
        (folder / name).chmod(0o755)


def serve_programs(door: socket.socket) -> None:
    """Run programs until the process that started this one ends; ``door`` listens."""
    with door:
        while wait([door, parent_process().sentinel]) == [door]:
            connection, _ = door.accept()
            if not os.fork():
                break
            connection.close()
        else:
            return
    answer(connection)


def answer(connection: socket.socket) -> None:
    """Run a program in a process of its own; tell its number, and how it ended. It ends with who asked."""
    head, streams, *_ = socket.recv_fds(connection, 4, 3)
    asked = connection.makefile("rb").read(int.from_bytes(head, "big"))
    process = os.fork()
    if not process:
        run_program(*json.loads(asked), streams)
        return
    for stream in streams:  # a reader of a pipe waits until nobody can write
        os.close(stream)
    connection.sendall(f"{process}\n".encode())
    if wait([os.pidfd_open(process), connection]) == [connection]:
        os.kill(process, signal.SIGKILL)
        return
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    connection.sendall(f"{code}\n".encode())


def run_program(arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """Be ``mmpt ARGUMENT...`` or ``python FILE ARGUMENT...``."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    logging.getLogger().handlers.clear()  # of fairseq, which a program may not import
    if Path(arguments[0]).name == "mmpt":
        sys.argv = arguments
        run()
    sys.argv = arguments[1:]
    sys.path.insert(0, folder)
    runpy.run_path(sys.argv[0], run_name="__main__")
