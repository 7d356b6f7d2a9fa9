"""The order of the stages, read from the imports; light imports; files that hold one idea."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "qa_lib"
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "node_modules" not in p.parts)

#: Who imports whom, besides the ground and itself: this list and nothing else.
GROUND = ("errors", "tables", "intervals", "workspace")
STAGES: dict[str, set[str]] = {
    "rules": set(),
    "sources": set(),
    "identity": set(),
    "measure": set(),
    "charts": set(),
    "profiles": {"rules"},
    "audiences": {"rules", "profiles"},
    "guards": {"rules"},
    "campaigns": {"audiences", "guards"},
    "simulate": {"campaigns", "profiles"},
    "deliver": {"campaigns", "guards"},
    "learn": {"measure", "campaigns", "profiles"},
}
#: The faces import the stages, and a command or a server may start another face; no stage imports them.
FACES: dict[str, set[str]] = {
    "widgets": {"live"},
    "jobs": set(),
    "live": set(),
    "servers": {"jobs"},
    "cli": {"widgets", "jobs", "servers", "live"},
}
_GROUND_IMPORTS = {
    "errors": set(),
    "intervals": {"errors"},
    "tables": {"errors"},
    "workspace": {"errors", "tables"},
}
HEAVY = (
    *("pandas", "duckdb", "altair", "numpy", "pydantic", "pyarrow", "deltalake", "sqlalchemy", "sqlglot"),
    *(
        "IPython",
        "ipywidgets",
        "anywidget",
        "jupyter_client",
        "jupyter_core",
        "papermill",
        "voila",
        "sklearn",
    ),
)


def stage_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_stages(file: Path) -> dict[str, int]:
    """The parts of `qa_lib` that a file imports anywhere in it, each with a line."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports by dots; write the whole name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "qa_lib" and len(parts) > 1:
                found[parts[1]] = node.lineno
    return found


def test_every_part_of_the_library_has_its_place_in_the_order() -> None:
    parts = {stage_of(file) for file in FILES} - {"__init__"}
    assert parts <= {*GROUND, *STAGES, *FACES}


def test_who_imports_whom_is_the_list_and_nothing_else() -> None:
    wrong = []
    for file in FILES:
        stage = stage_of(file)
        if stage == "__init__":
            continue
        if stage in GROUND:
            allowed = _GROUND_IMPORTS[stage]
        elif stage in STAGES:
            allowed = STAGES[stage] | set(GROUND)
        else:
            allowed = FACES[stage] | set(STAGES) | set(GROUND)
        for other, line in imported_stages(file).items():
            if (
                other not in allowed | {stage}
                and (PACKAGE / other).exists() | (PACKAGE / f"{other}.py").exists()
            ):
                wrong.append(f"{file.relative_to(REPOSITORY)}:{line} imports {other}")
    assert wrong == []


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh Python has loaded after a statement."""
    told = subprocess.run(
        [sys.executable, "-c", f"{statement}; import json, sys; print(json.dumps(sorted(sys.modules)))"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    return {name.split(".")[0] for name in json.loads(told.stdout)}


def test_importing_the_library_is_light() -> None:
    assert modules_after("import qa_lib") & set(HEAVY) == set()
    assert modules_after("import qa_lib.errors, qa_lib.tables") & set(HEAVY) == set()


def test_importing_the_library_changes_nothing_global() -> None:
    state = (
        "(locale.setlocale(locale.LC_ALL), list(warnings.filters), time.tzname, dict(os.environ), "
        "logging.getLogger().handlers, signal.getsignal(signal.SIGINT), decimal.getcontext().prec)"
    )
    code = (
        "import decimal, locale, logging, os, signal, time, warnings\n"
        f"before = {state}\nimport qa_lib\nafter = {state}\n"
        "assert str(before) == str(after), (before, after)"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize(
    "stage", sorted({stage_of(f) for f in FILES if f.name == "__init__.py"} & set(STAGES) - {"charts"})
)
def test_every_stage_below_the_faces_runs_without_jupyter(stage: str) -> None:
    """But `charts`: Altair itself loads the widgets that are installed."""
    faces = {"ipywidgets", "anywidget", "IPython", "papermill", "voila", "jupyterlab"}
    assert modules_after(f"import qa_lib.{stage}") & faces == set()


def test_no_file_passes_400_lines_and_each_says_in_its_first_line_what_it_holds() -> None:
    wrong = []
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        if len(text.splitlines()) > 400:
            wrong.append(f"{file.relative_to(REPOSITORY)} has {len(text.splitlines())} lines")
        if not ast.get_docstring(ast.parse(text)):
            wrong.append(f"{file.relative_to(REPOSITORY)} says nothing of itself")
    assert wrong == []


def test_no_python_package_takes_the_name_that_analysts_give_to_ipywidgets() -> None:
    """The folder `widgets/` holds the browser's side and no Python, so that nothing can import it."""
    assert not (REPOSITORY / "widgets.py").exists()
    assert not (REPOSITORY / "widgets" / "__init__.py").exists()


def test_every_public_name_is_there() -> None:
    code = "import qa_lib; [getattr(qa_lib, name) for name in qa_lib.__all__]; print(len(qa_lib.__all__))"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    )
    assert int(told.stdout) <= 15


def test_no_two_test_files_share_a_name() -> None:
    """pytest imports a test file by its base name: a second one of that name cannot be collected."""
    names = Counter(path.name for path in (REPOSITORY / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, times in names.items() if times > 1] == []
