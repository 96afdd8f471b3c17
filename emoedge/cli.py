"""The command `emoedge`: finds the verb, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import io
import os
import pkgutil
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING

from emoedge import __version__, commands
from emoedge.errors import ConfigError, DeliveryError, EmoedgeError, MediaError, ModelError, SourceError
from emoedge.threads import READER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ORDER = ("run", "check", "replay", "demo", "devices", "view", "classify", "doctor", "watch")
"""Verbs as the help lists them; those whose module is installed are offered."""

EXIT_MEDIA = 65
"""EX_DATAERR of sysexits.h: media that cannot be read, output that cannot be written."""
EXIT_BROKER = 69
"""EX_UNAVAILABLE: broker unreachable or refused."""
EXIT_CONFIG = 78
"""EX_CONFIG: configuration or model refused."""
EXIT_INTERRUPTED = 130
"""What shells report for a program ended by Ctrl-C."""

_EPILOG = """\
exit codes: 0 done; 2 wrong usage; 65 media that cannot be read or output that cannot be written; 69 broker
unreachable or refused (demo, doctor); 78 configuration or model refused; 1 a defect in emoedge
"""


def exit_code(error: EmoedgeError) -> int:
    """Exit code that an error ends the command with."""
    if isinstance(error, (ConfigError, ModelError)):
        return EXIT_CONFIG
    if isinstance(error, SourceError):
        return EXIT_MEDIA
    if isinstance(error, DeliveryError):
        return EXIT_BROKER
    return 1


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="emoedge",
        description="Emotion events from a camera and a microphone over MQTT.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"emoedge {__version__}")
    verbs = top.add_subparsers(metavar="VERB", required=True, title="verbs")
    installed = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    for name in ORDER:
        if name in installed:
            import_module(f"emoedge.commands.{name}").add(verbs)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. `argv` without the program's name; None: this process's own."""
    # Before NumPy is imported: its products here are small, and a second thread would only wait for them, busily.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if argv is not None:
        return _run(argv)
    _fill_what_is_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("emoedge.escaped", _escaped)
        sys.stdout = _Stdout.instead_of(sys.stdout)
    code = _run(None)
    _let_go_of_stdout()
    _leave_blocked_readers(code)
    return code


def _fill_what_is_closed() -> None:
    """Let /dev/null stand where the shell closed stdin, stdout or stderr, as `2>&-` does.

    A file opened later would stand there, and get what libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False, errors="backslashreplace")


class _Stdout(io.TextIOWrapper):
    """This process's stdout: that it cannot be written is an error for the user, and told from one of another file."""

    @classmethod
    def instead_of(cls, plain: io.TextIOWrapper) -> _Stdout:
        """Take over the buffer; `plain` is of no use any more."""
        encoding, line, through = plain.encoding, plain.line_buffering, plain.write_through
        return cls(plain.detach(), encoding, "emoedge.escaped", line_buffering=line, write_through=through)

    def write(self, text: str, /) -> int:
        with _for_the_user():
            return super().write(text)

    def flush(self) -> None:
        with _for_the_user():
            super().flush()


@contextlib.contextmanager
def _for_the_user() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # the reader left
        raise
    except OSError as error:
        raise MediaError(f"stdout: cannot be written: {error.strerror or error}; is the disk full?") from error


def _let_go_of_stdout() -> None:
    """What could not be written is not tried again, and complained of, when the interpreter is taken down."""
    try:
        sys.stdout.flush()
    except (OSError, MediaError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What the terminal's encoding lacks, as JSON writes it: a name in it must not end a command."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(rf"\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end


def _leave_blocked_readers(code: int) -> None:
    """End the process at once where a thread still waits in a camera's or microphone's driver.

    If that call returned while the interpreter is being taken down, the C++ code around it would abort us.
    """
    if any(thread.name.endswith(READER) for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(argv: Sequence[str] | None) -> int:
    try:
        code = _execute(argv)
        sys.stdout.flush()
    except EmoedgeError as error:
        print(error, file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `head` does: nothing is wrong
        return 0
    return code


def _execute(argv: Sequence[str] | None) -> int:
    try:
        args = parser().parse_args(argv)
        code: int = args.execute(args)
    except SystemExit as leaving:  # argparse: --help, --version, wrong usage
        return leaving.code if isinstance(leaving.code, int) else 2
    return code


if __name__ == "__main__":
    sys.exit(main())
