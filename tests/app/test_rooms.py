"""The order of the rooms: data moves one way, and none of them knows what comes after it."""

import ast
from pathlib import Path

import pytest

import emoedge

PACKAGE = Path(emoedge.__file__).parent

ORDER = ("sources", ("vision", "audio"), "fusion", "outputs")
"""As CONTRIBUTING.md has it; vision and audio know nothing of each other either."""

OUTSIDE = {"app", "build", "cli", "commands", "doctor", "judging", "panel", "pipeline", "view", "watch"}
"""What puts rooms together, or looks at them."""


def forbidden():
    """Each room, and what it may not import."""
    steps = [(step,) if isinstance(step, str) else step for step in ORDER]
    for place, step in enumerate(steps):
        later = {room for after in steps[place + 1 :] for room in after}
        for room in step:
            yield room, later | OUTSIDE | {other for other in step if other != room}


def imported(path):
    """Names below `emoedge.` that a module imports, for its types alone too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize(("room", "unknown"), [pytest.param(*pair, id=pair[0]) for pair in forbidden()])
def test_a_room_knows_nothing_of_those_after_it(room, unknown):
    modules = list((PACKAGE / room).rglob("*.py"))
    assert len(modules) > 3
    taken = [(path.name, name) for path in modules for name in imported(path)]
    assert any(name.startswith("emoedge.messages.") for _, name in taken)
    assert [(path, name) for path, name in taken if name.startswith("emoedge.") and name.split(".")[1] in unknown] == []
