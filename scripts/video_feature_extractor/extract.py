"""Turn videos into features: ``mmpt extract`` under its old name."""

from mmpt.utils.command import run_command
from mmpt_cli.extract import main

__all__ = ["main"]

if __name__ == "__main__":
    run_command(main)
