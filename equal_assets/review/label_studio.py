"""Label Studio's JSON: tasks to import, and the export of annotated ones.

https://labelstud.io/guide/task_format
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from equal_assets.errors import ReviewError
from equal_assets.resources.verdicts import PairVerdict
from equal_assets.review.pairs import ReviewPair
from equal_assets.review.rows import WRITTEN, FileRow, json_list, row_values

CONFIG = """<View>
  <Header value="Document"/>
  <Text name="document" value="$document"/>
  <Header value="Question"/>
  <Text name="question" value="$question"/>
  <Header value="Answer"/>
  <Text name="answer" value="$answer"/>
  <Choices name="verdict" toName="question" choice="single-radio" required="true">
    <Choice value="accepted" hotkey="a"/>
    <Choice value="edited" hotkey="e"/>
    <Choice value="rejected" hotkey="r"/>
  </Choices>
  <TextArea name="reason" toName="question" maxSubmissions="1" placeholder="rejected: why?"/>
  <TextArea name="new_question" toName="question" maxSubmissions="1" rows="3"
            placeholder="edited: the question in new words"/>
  <TextArea name="new_answer" toName="answer" maxSubmissions="1" rows="6"
            placeholder="edited: the answer in new words"/>
</View>
"""
"""The labeling interface of a project: Settings, Labeling Interface, Code."""

DATA = ("qa_id", "question", "answer", "document", "score", "cluster", "source")
OF = {"verdict": "question", "reason": "question", "new_question": "question"}
OF["new_answer"] = "answer"


def label_studio_tasks(rows: Iterable[tuple[ReviewPair, PairVerdict | None]]) -> str:
    """Return tasks to import; what was said before is a prediction, which annotators start from."""
    tasks = [_task(row_values(*row)) for row in rows]
    return json.dumps(tasks, indent=1)


def read_label_studio(text: str) -> list[FileRow]:
    """Return the rows of an export in the format JSON; of several annotations the last one.

    Raises
    ------
    ReviewError
        If it is not such an export.
    """
    tasks = json_list(text, "a list of tasks: export the project as JSON")
    return [_row(number, task) for number, task in enumerate(tasks, 1)]


def _task(values: dict[str, Any]) -> dict[str, Any]:
    results = [
        {"from_name": name, "to_name": OF[name], **_value(name, values[name])}
        for name in WRITTEN
        if values[name]
    ]
    before = [{"model_version": values["said_by"], "result": results}] if results else []
    return {"data": {key: values[key] for key in DATA}, "predictions": before}


def _value(name: str, said: str) -> dict[str, Any]:
    if name == "verdict":
        return {"type": "choices", "value": {"choices": [said]}}
    return {"type": "textarea", "value": {"text": [said]}}


def _row(number: int, task: Any) -> FileRow:
    place = f"task {number}"
    try:
        values = {key: task["data"][key] for key in ("qa_id", "question", "answer")}
        done = [a for a in task.get("annotations", []) if not a.get("was_cancelled")]
        results = (
            {found["from_name"]: found["value"] for found in done[-1]["result"]} if done else {}
        )
        by = done[-1].get("completed_by") if done else None
        said = {name: _text(results[name]) for name in WRITTEN if name in results}
        if not all(isinstance(value, str) for value in (values | said).values()):
            raise TypeError("a text is none")
    except (LookupError, TypeError, AttributeError) as error:
        raise ReviewError(
            f"{place}: must be a task with data.qa_id, question and answer, and annotations by the "
            f"labeling interface that --out wrote ({error})"
        ) from error
    return FileRow(place, values | said, str(by["email"]) if isinstance(by, dict) else "")


def _text(value: dict[str, Any]) -> Any:
    found = value["choices"] if "choices" in value else value["text"]
    return "\n".join(found) if isinstance(found, list) else found
