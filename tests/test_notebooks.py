"""Every notebook tells one story, calls the library, and is committed clean."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LONGEST_CELL = 14
# In capitals anywhere, in small letters at the start: "Select a tag from the list" is a label.
_SQL = re.compile(
    r"\bSELECT\b.*\bFROM\b|\bINSERT\s+INTO\b|\bDELETE\s+FROM\b|\bCREATE\s+(OR\s+REPLACE\s+)?(TABLE|VIEW)\b"
    r"|\A\s*(select\b.*\bfrom\b|with\s+\w+\s+as\s*\(|(insert\s+into|delete\s+from|create)\b)",
    re.DOTALL,
)
# papermill's and the widgets' traces, and where an editor left its cursor
_TRACES = ("papermill", "widgets", "execution", "collapsed", "scrolled")


def check_notebook(path: Path) -> list[str]:
    """What is wrong with a notebook, one sentence each; nothing for a good one."""
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
    except Exception as problem:  # noqa: BLE001  nbformat raises whatever its readers raise
        return [f"is no valid notebook: {problem}"]
    if notebook.nbformat != 4:
        return [f"is in format {notebook.nbformat}, expected 4"]
    faults = [f"carries '{trace}' in its metadata" for trace in _TRACES if trace in notebook.metadata]
    if (kernel := notebook.metadata.get("kernelspec", {}).get("name")) != "python3":
        faults.append(f"names the kernel {kernel!r}, expected 'python3'")
    faults += _title(notebook)
    tagged = sum("parameters" in c.metadata.get("tags", []) for c in notebook.cells if c.cell_type == "code")
    if tagged != 1:
        faults.append(f"has {tagged} cells tagged 'parameters', expected one")
    for number, cell in enumerate(notebook.cells, start=1):
        faults += [f"cell {number} {fault}" for fault in _cell(cell)]
    return faults


def _title(notebook: nbformat.NotebookNode) -> list[str]:
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        return ["does not start with a title: a markdown cell whose first line is '# …?'"]
    title = first.source.splitlines()[0]
    return [] if re.search(r"[?？]", title) else [f"has the title {title!r}, which asks no question"]


def _cell(cell: nbformat.NotebookNode) -> list[str]:
    faults = [f"carries '{trace}' in its metadata" for trace in _TRACES if trace in cell.metadata]
    if cell.cell_type != "code":
        return faults
    if cell.outputs:
        faults.append("has outputs")
    if cell.execution_count is not None:
        faults.append("has an execution count")
    if not cell.source.strip():
        faults.append("is empty")
    if (lines := len(cell.source.splitlines())) > LONGEST_CELL:
        faults.append(f"has {lines} lines, at most {LONGEST_CELL} are wanted")
    return faults + _source(cell.source)


def _source(source: str) -> list[str]:
    plain = "\n".join("" if re.match(r"\s*[%!]", line) else line for line in source.splitlines())
    try:
        tree = ast.parse(plain)
    except SyntaxError as problem:
        return [f"is no Python: {problem.msg}"]
    faults = ["uses a magic or a shell command"] if plain != "\n".join(source.splitlines()) else []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            faults.append(f"defines '{node.name}', which belongs in qa_lib")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
            faults.append("holds SQL, which belongs in qa_lib")
    return faults


def good() -> nbformat.NotebookNode:
    """A notebook with nothing wrong."""
    return new_notebook(
        cells=[
            new_markdown_cell("# 谁浏览了没买？\n\nIn: the demo year. Out: a count."),
            new_code_cell('as_of = "2026-06-01"', metadata={"tags": ["parameters"]}),
            new_code_cell("import qa_lib\n\nlabel = 'Select a tag from the list'"),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


BAD: dict[str, tuple[Callable[[nbformat.NotebookNode], object], str]] = {
    "outputs": (
        lambda n: n.cells[2].outputs.append(new_output("stream", text="hi")),
        "cell 3 has outputs",
    ),
    "count": (lambda n: n.cells[2].update(execution_count=3), "cell 3 has an execution count"),
    "papermill": (lambda n: n.metadata.update(papermill={}), "carries 'papermill' in its metadata"),
    "widgets": (lambda n: n.metadata.update(widgets={}), "carries 'widgets' in its metadata"),
    "cell papermill": (
        lambda n: n.cells[1].metadata.update(papermill={}),
        "cell 2 carries 'papermill' in its metadata",
    ),
    "kernel": (
        lambda n: n.metadata.kernelspec.update(name="conda-env"),
        "names the kernel 'conda-env', expected 'python3'",
    ),
    "no question": (
        lambda n: n.cells[0].update(source="# Browsed"),
        "has the title '# Browsed', which asks no question",
    ),
    "no title": (
        lambda n: n.cells[0].update(source="Who browsed?"),
        "does not start with a title: a markdown cell whose first line is '# …?'",
    ),
    "no parameters": (
        lambda n: n.cells[1].metadata.update(tags=[]),
        "has 0 cells tagged 'parameters', expected one",
    ),
    "two parameters": (
        lambda n: n.cells[2].metadata.update(tags=["parameters"]),
        "has 2 cells tagged 'parameters', expected one",
    ),
    "long": (
        lambda n: n.cells[2].update(source="\n".join(["x = 1"] * 15)),
        "cell 3 has 15 lines, at most 14 are wanted",
    ),
    "function": (
        lambda n: n.cells[2].update(source="def rate(x):\n    return x"),
        "cell 3 defines 'rate', which belongs in qa_lib",
    ),
    "class": (
        lambda n: n.cells[2].update(source="class Rate: ..."),
        "cell 3 defines 'Rate', which belongs in qa_lib",
    ),
    "sql": (
        lambda n: n.cells[2].update(source='q = """\nSELECT person_id\nFROM orders"""'),
        "cell 3 holds SQL, which belongs in qa_lib",
    ),
    "formatted sql": (
        lambda n: n.cells[2].update(source='q = f"create table x{1} as"'),
        "cell 3 holds SQL, which belongs in qa_lib",
    ),
    "magic": (
        lambda n: n.cells[2].update(source="%matplotlib inline\nx = 1"),
        "cell 3 uses a magic or a shell command",
    ),
    "no python": (lambda n: n.cells[2].update(source="x = = 1"), "cell 3 is no Python: invalid syntax"),
    "empty": (lambda n: n.cells[2].update(source=" "), "cell 3 is empty"),
}


def test_a_good_notebook_has_no_faults(tmp_path: Path) -> None:
    path = tmp_path / "good.ipynb"
    nbformat.write(good(), path)
    assert check_notebook(path) == []


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_found_and_named(tmp_path: Path, name: str) -> None:
    spoil, fault = BAD[name]
    notebook = good()
    spoil(notebook)
    path = tmp_path / "bad.ipynb"
    nbformat.write(notebook, path)
    assert check_notebook(path) == [fault]


def test_a_file_that_is_no_notebook_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "odd.ipynb"
    path.write_text("{}")
    assert check_notebook(path)[0].startswith("is no valid notebook")


def notebook_paths() -> list[Path]:
    """The notebooks of the tree, without the copies that JupyterLab keeps."""
    return sorted(p for p in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


@pytest.mark.parametrize("path", notebook_paths(), ids=lambda p: p.relative_to(NOTEBOOKS).as_posix())
def test_the_notebook_is_clean_and_short(path: Path) -> None:
    assert check_notebook(path) == []
