"""What a notebook declares in its cell tagged `parameters`, and whether given values fit it."""

from __future__ import annotations

import ast
import io
import json
import math
import os
import re
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from qa_lib.errors import FileUnreadable, ParametersRefused, did_you_mean

# A parameter is written into the executed notebook and into run.json, where it stays.
_SECRET = re.compile(
    r"(^|_)(password|passwd|passphrase|pwd|secret|token|credential|api_?key|access_?key|private_?key)s?($|_)"
)
_PASSWORD_IN_URL = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "list": "a JSON list",
    "dict": "a JSON object",
}


@dataclass(frozen=True)
class Parameter:
    """One assignment of the cell tagged `parameters`.

    Attributes
    ----------
    name
        The variable's name.
    type
        `int`, `float`, `bool`, `str`, `list`, `dict`, or `any` where neither the annotation nor the
        default tells (then values pass unchanged).
    default
        The declared value; the source text where it is not a literal.
    optional
        True when the default is None: None is then a value too.
    help
        The comment at the end of the assignment's last line, or an empty text.
    """

    name: str
    type: str
    default: Any
    optional: bool = False
    help: str = ""


def read_notebook(path: str | Path) -> nbformat.NotebookNode:
    """The notebook at `path`, in the current format.

    Raises
    ------
    FileUnreadable
        When there is no such file, or it is no notebook.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise FileUnreadable(
            f"Notebook '{path}' cannot be read: {problem.strerror or problem}. "
            "Give the path of an .ipynb file."
        ) from problem
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as problem:  # whatever nbformat's JSON and schema readers raise
        raise FileUnreadable(
            f"'{path}' is no notebook: {type(problem).__name__}: {problem}. Expected an .ipynb file."
        ) from problem


def declared_parameters(path: str | Path) -> dict[str, Parameter]:
    """The parameters that a notebook declares, in the order of its cell tagged `parameters`.

    Parameters
    ----------
    path
        An `.ipynb` file. Without such a cell it declares none.

    Raises
    ------
    FileUnreadable
        When the file is missing, is no notebook, or the cell is no Python.
    """
    for cell in read_notebook(path).cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            try:
                return _parse(cell.source)
            except SyntaxError as problem:
                raise FileUnreadable(
                    f"The cell tagged 'parameters' of notebook '{path}' is not valid Python: "
                    f"{problem.msg} (line {problem.lineno}). Expected lines such as: n = 9"
                ) from problem
    return {}


def secret_name(name: str) -> bool:
    """Whether a parameter of this name would hold a secret, as `api_key` or `smtpPassword` would."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return _SECRET.search(snake) is not None


def check_parameters(
    notebook: str | Path, declared: Mapping[str, Parameter], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The given values in the declared types; texts (from a command line) are converted.

    Parameters
    ----------
    notebook
        Named in the messages.
    declared
        What `declared_parameters` returned.
    given
        A value per name: of the declared type, or the text of one (`"9"`, `"true"`, `'["a", "b"]'`).

    Returns
    -------
    dict
        The same names, values ready to be written into the notebook (str, int, float, bool, None,
        and lists and dicts of these).

    Raises
    ------
    ParametersRefused
        For a name that is not declared or that names a secret, and for a value of another type.
    """
    return {name: _checked(Path(notebook).name, declared, name, value) for name, value in given.items()}


def _checked(notebook: str, declared: Mapping[str, Parameter], name: str, value: Any) -> Any:
    if secret_name(name) or (isinstance(value, str) and _PASSWORD_IN_URL.search(value)):
        # the value is not repeated: messages end up in logs
        raise ParametersRefused(
            f"Parameter '{name}' of notebook '{notebook}' looks like a secret, and parameters are kept in "
            "the executed notebook and in run.json. Put it into an environment variable and read it in the "
            f"library with os.environ (for example QA_{name.upper()})."
        )
    if name not in declared:
        known = ", ".join(f"{p.name} ({p.type})" for p in declared.values())
        raise ParametersRefused(
            f"Notebook '{notebook}' declares no parameter '{name}' (value {value!r})."
            + (did_you_mean(name, declared) if len(declared) > 1 else "")
            + (f" Declared: {known}." if known else " It has no cell tagged 'parameters'.")
        )
    parameter = declared[name]
    if value is None:
        if parameter.optional or parameter.type == "any":
            return None
    else:
        try:
            return _READERS[parameter.type](value)
        except (ValueError, TypeError):
            pass
    raise ParametersRefused(
        f"Parameter '{name}' of notebook '{notebook}' is {_WORDS.get(parameter.type, parameter.type)} "
        f"({parameter.type}, default {parameter.default!r}), got {value!r} ({type(value).__name__})."
    )


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    if not math.isfinite(number := float(value)):
        raise ValueError
    return number


def _claim(value: Any) -> bool:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: Any) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise TypeError
    return value


def _json(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, str):
            value = json.loads(value)
        elif isinstance(value, tuple) and kind is list:
            value = list(value)
        if not isinstance(value, kind):
            raise TypeError
        # the notebook gets what JSON can hold, and nothing that only this process knows
        return json.loads(json.dumps(value, allow_nan=False))

    return read


def _any(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _claim,
    "str": _text,
    "list": _json(list),
    "dict": _json(dict),
    "any": _any,
}


def _parse(source: str) -> dict[str, Parameter]:
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    for statement in ast.parse(source).body:
        annotation: ast.expr | None = None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value, annotation = statement.target, statement.value, statement.annotation
        else:
            continue
        if isinstance(target, ast.Name):
            note = comments.get(statement.end_lineno or 0, "")
            found[target.id] = _parameter(target.id, value, annotation, note)
    return found


def _parameter(name: str, value: ast.expr, annotation: ast.expr | None, note: str) -> Parameter:
    try:
        default = ast.literal_eval(value)
        kind = "list" if isinstance(default, tuple) else type(default).__name__
    except (ValueError, TypeError):  # Path("data"), 7 * 24: a declaration, though no literal
        default, kind = ast.unparse(value), "any"
    optional = default is None
    if annotation is not None:
        parts = re.findall(r"\w+", ast.unparse(annotation))
        kind = next((part for part in parts if part in _WORDS), kind)
    elif optional:
        kind = "str"
    return Parameter(name, kind if kind in _READERS else "any", default, optional, note)


def _comments(source: str) -> dict[int, str]:
    """Comment text by line number, from 1."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}
