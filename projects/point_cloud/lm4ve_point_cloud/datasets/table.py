"""Tables of numbers: lines of text with x, y, z and perhaps more."""

import re
from pathlib import Path

import numpy as np

from .errors import DataError

# 0,12 between blanks or semicolons; or, between further commas, what no
# table of integers has: 00350 or -0, as in 0,00350,-0,5.
DECIMAL_COMMA = re.compile(r'[+-]?\d+,\d+(e[+-]?\d+)?', re.IGNORECASE)
NO_INTEGER = re.compile(r'[+-]?0\d+|-0')
COMMENTS = ('#', '//')


def has_decimal_comma(line: str) -> bool:
    """Whether a line's numbers are written as ``0,12``."""
    fields = re.split(r'[\s;]+', line.strip())
    if len(fields) > 1:
        return any(map(DECIMAL_COMMA.fullmatch, fields))
    return '.' not in line and any(
        map(NO_INTEGER.fullmatch, line.strip().split(',')))


def names_in(line: str) -> list[str]:
    """Read the names of a header, such as ``//X Y Z`` or ``id,"x","y"``."""
    bare = line.strip().lstrip('#/').strip()
    fields = bare.split(',') if ',' in bare else bare.split()
    return [field.strip().strip('"\'').lower() for field in fields]


def is_number(field: str) -> bool:
    """Whether float() reads it."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def columns_of(names: list[str], path: Path) -> list[int] | None:
    """Find x, y and z in a header; None in a comment about other things.

    Raises:
        DataError: If some are missing or come twice.
    """
    counts = [names.count(axis) for axis in 'xyz']
    if not any(counts):
        return None
    if counts != [1, 1, 1]:
        raise DataError(f'{path} has the columns {names}, not each of x, y '
                        'and z once')
    return [names.index(axis) for axis in 'xyz']


def read_table(path: Path) -> np.ndarray:
    """Read lines of numbers, between commas or blanks.

    A header says which columns are x, y and z; without one they come first.

    Returns:
        np.ndarray: (N, C) float64, x, y and z in front.

    Raises:
        DataError: If the lines are not numbers, or are written with decimal
            commas.
    """
    text = path.read_text(encoding='utf-8-sig', errors='replace')
    lines = [line for line in text.splitlines() if line.strip()]
    columns, rows, header = None, [], False
    for line in lines:
        names = names_in(line)
        if line.lstrip().startswith(COMMENTS):
            columns = columns_of(names, path) or columns
        elif not rows and not header and not any(map(is_number, names)):
            header, columns = True, columns_of(names, path)
            if columns is None:
                raise DataError(f'{path} is no table of numbers: its first '
                                f'line is {line.strip()[:60]!r}')
        else:
            rows.append(line)
    comma = next(filter(has_decimal_comma, rows), None)
    if comma is not None:
        raise DataError(
            f'{path} has decimal commas, as in {comma.strip()[:60]!r}: write '
            'the numbers with decimal points')
    try:
        table = np.loadtxt([row.replace(',', ' ') for row in rows], ndmin=2)
    except ValueError as error:
        raise DataError(f'{path} is no table of numbers: {error}') from error
    if columns is None:
        return table
    if max(columns) >= table.shape[1]:
        raise DataError(f'{path} has {table.shape[1]} columns, fewer than its '
                        'header names')
    return table[:, columns]
