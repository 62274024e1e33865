"""The command ``mmpt launch`` from a checkout: ``python locallaunch.py TASK.yaml``."""

from mmpt.utils.command import run_command
from mmpt_cli.launch import main

__all__ = ["main"]

if __name__ == "__main__":
    run_command(main)
