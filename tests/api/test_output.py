"""What commands print."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.output import emit, print_csv, table

values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
rows = st.lists(st.tuples(values, values), max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_csv_holds_every_value_in_full(capsys: pytest.CaptureFixture[str], given: list[tuple[Any, Any]]) -> None:
    print_csv(["a", "b"], given)
    lines = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert lines[0] == ["a", "b"]
    for line, row in zip(lines[1:], given, strict=True):
        for field, value in zip(line, row, strict=True):
            if isinstance(value, str):
                assert field == value
            elif value is None:
                assert field == ""
            else:
                read = float(field.strip('"')) if isinstance(value, float) else json.loads(field)
                assert read == value or value != value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_json_is_json(capsys: pytest.CaptureFixture[str], given: list[tuple[Any, Any]]) -> None:
    emit({"rows": given}, True, lambda: "")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    assert len(json.loads(capsys.readouterr().out, parse_constant=refuse)["rows"]) == len(given)


def test_a_table_lines_up_wide_and_combined_characters() -> None:
    lines = table(["text", "n"], [["ab", 1], ["日本", 2], ["e\u0301", None], ["a\nb", True]]).splitlines()
    assert lines == ["text  n", "----  ----", "ab    1", "日本  2", "e\u0301     -", "a\\nb  true"]
