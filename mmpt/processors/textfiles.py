"""Reading the small files that data sets come with: lists, tables, JSON. Errors name file and line."""

import csv
import io
import math
from typing import Any

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.utils.files import read_text

__all__ = ["needed", "read_ids", "read_table", "seconds_of", "text_of"]


def needed(config: DatasetConfig, key: str, user: object) -> Any:
    """Return the value of a ``dataset`` key.

    Raises:
        ConfigError: If it is not set, naming the class that needs it.
    """
    value = config.get(key)
    if value is None:
        raise ConfigError(f"{type(user).__name__} needs dataset.{key}, which is not set.")
    return value


def read_ids(path: str) -> list[str]:
    """Read a list of ids, one per line; empty lines are ignored.

    Raises:
        DataError: If the file is missing or not UTF-8.
    """
    return [line.strip() for line in read_text(path, "utf-8-sig").splitlines() if line.strip()]


def read_table(path: str, columns: list[str], delimiter: str = ",") -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file with a header line.

    Args:
        path: The file, UTF-8.
        columns: Columns that it must have; it may have more.
        delimiter: What stands between two cells.

    Returns:
        (line number, {column: cell}) for each row.

    Raises:
        DataError: If the file is missing, lacks a column, or a row has fewer cells than the header.
    """
    text = io.StringIO(read_text(path, "utf-8-sig"), newline="")
    rows = csv.DictReader(text, delimiter=delimiter, strict=True)
    try:
        found = list(rows.fieldnames or [])
        missing = [column for column in columns if column not in found]
        if missing:
            raise DataError(
                f"The table {path} has the columns {', '.join(found) or '(none)'} and lacks "
                f"{', '.join(missing)}. Its first line must be a header such as: {delimiter.join(columns)}"
            )
        table = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        raise DataError(f"The table {path} is damaged at line {rows.reader.line_num} ({error}).") from error
    for line, row in table:
        if None in row or None in row.values():
            raise DataError(
                f"Line {line} of {path} does not have {len(found)} cells as the header says. "
                f"Put texts that hold a {'comma' if delimiter == ',' else 'tab'} between double quotes."
            )
    return table


def seconds_of(value: Any, what: str, where: str) -> float:
    """Return a time in seconds.

    Args:
        value: A number or its text.
        what: Name of the time, in the error.
        where: File and video, in the error.

    Raises:
        DataError: If it is no finite number.
    """
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise DataError(f"The {what} of {where} is {value!r}; a number of seconds is expected.")
    return seconds


def text_of(value: Any, where: str) -> str:
    """Return a text.

    Args:
        value: What the file holds.
        where: File and video, in the error.

    Raises:
        DataError: If it is empty or no text, such as NaN.
    """
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"The text of {where} is {value!r}; a sentence is expected. Complete or remove it.")
    return value
