"""The notebooks run top to bottom on a small run, and hold no outputs in the repository."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from kg.graph import FILES, GraphBuilder
from kg.ontology import load_ontology
from kg.records import Triple
from kg.run import Run

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TRIPLES = [
    Triple("PersonX bakes a cake", "xWant", "to eat it"),
    Triple("PersonX bakes a cake", "xWant", 'to sell "it" for $5 & <b>more</b></script>'),
    Triple("PersonX bakes a cake", "xWant", "to burn it", negated=True),
    Triple("PersonX bakes a cake", "xNeed", "قراءة الوصفة"),
    Triple("PersonX bakes a cake", "xAttr", "skilled"),
    Triple("PersonX pays the bill", "xWant", "to eat it"),
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of six triples, as imported from a file."""
    made = Run.create(tmp_path / "runs" / "small", "import-small", {"name": "import", "files": ["small.tsv"]})
    builder = GraphBuilder(load_ontology())
    for line, triple in enumerate(TRIPLES, 1):
        builder.add(triple, "", "import:tsv:small.tsv", line, line, 0.5)
    counts = builder.write(made)
    made.finish("graph", "key", FILES, counts["edges"], 0.0, counts=counts)
    return made


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_holds_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


def test_the_tour_runs_top_to_bottom(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KG_RUN", str(run.path))
    monkeypatch.setenv("KG_STUDENT", str(tmp_path / "no student here"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("KG_BOLT_URI", raising=False)
    notebook = nbformat.read(ROOT / "notebooks" / "01_tour.ipynb", as_version=4)
    NotebookClient(
        notebook, timeout=300, startup_timeout=300, kernel_name="python3",
        resources={"metadata": {"path": str(ROOT / "notebooks")}},
    ).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "".join(output.get("text", "") for output in outputs)
    assert "import-small with the ontology atomic2020" in said
    assert "line 5 of small.tsv" in said
    assert "There is no student in" in said
    data: list[dict[str, Any]] = [output["data"] for output in outputs if "data" in output]
    assert any("image/png" in d for d in data)
    frames = [d["text/html"] for d in data if "<iframe sandbox" in d.get("text/html", "")]
    assert len(frames) == 1
    assert "jsdelivr" not in frames[0]
    assert "قراءة" in frames[0] or "\\u0642" in frames[0]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    tables = [d["text/html"] for d in data if "xWant" in d.get("text/html", "") and "<table" in d["text/html"]]
    assert len(tables) == 3
    assert "&lt;b&gt;more" in "".join(tables)
