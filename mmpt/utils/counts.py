"""Numbers that count something."""

from mmpt.errors import ConfigError

__all__ = ["at_least_one"]


def at_least_one(**numbers: int) -> None:
    """Refuse numbers below 1, given by their names.

    Raises:
        ConfigError: Names the first of them.
    """
    for name, number in numbers.items():
        if number < 1:
            raise ConfigError(f"{name} must be at least 1, got {number}.")
