import json
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "docs" / "library.ipynb"


def test_notebook_runs_and_shows_what_it_prints(capsys):
    cells = [c for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]
    names, printed = {}, []
    for cell in cells:
        exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), names)
        printed.append(capsys.readouterr().out)
    assert [bool(text) for text in printed] == [
        any(output["output_type"] == "stream" for output in cell["outputs"]) for cell in cells
    ]
    played = {line.split()[0]: float(line.split()[-1]) for line in printed[3].splitlines()}
    assert played["equal"] > played["random"] + 0.1
    assert len(names["later"].asked) == 150
