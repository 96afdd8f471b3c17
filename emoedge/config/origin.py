"""Lets what turns out to be wrong after a configuration was read say where it stands, as the loader's errors do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from emoedge.config.loader import place
from emoedge.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def pointing(path: str | Path | None) -> Iterator[None]:
    """Put file and line before each finding of a ConfigError or ModelError that begins with a key.

    `path`: the config file; None where there is none, and nothing is added.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError([placed(problem, path) for problem in error.problems]) from error
    except ModelError as error:
        raise ModelError("\n".join(placed(line, path) for line in str(error).splitlines())) from error


def placed(problem: str, path: str | Path | None) -> str:
    """One finding with file and line before it; as it is where it does not begin with a key."""
    where = None if path is None else place(path, problem.partition(":")[0])
    return problem if where is None else f"{where}: {problem}"
