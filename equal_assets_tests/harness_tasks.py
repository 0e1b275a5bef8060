"""A folder of lm-eval task files about the facts that the micro student learns."""

import json
from pathlib import Path

from equal_assets.records import QAPair
from equal_assets.resources.students.student import completion, prompt
from equal_assets_tests.micro_student import PAIRS, PLACES, facts

N_QUESTIONS = 12

CHOICE = """\
task: facts_choice
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{prompt}}}}"
doc_to_choice: "{{{{options}}}}"
doc_to_target: true_option
target_delimiter: ""
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_mutual_info, aggregation: mean, higher_is_better: true}}
"""

GENERATED = """\
task: facts_generated
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: place
generation_kwargs: {{until: ["."], max_gen_toks: 20, do_sample: false}}
filter_list:
  - name: strict
    filter:
      - {{function: regex, regex_pattern: "stands in (the \\\\w+)"}}
      - {{function: take_first}}
  - name: flexible
    filter:
      - {{function: regex, regex_pattern: "(the \\\\w+)", group_select: -1}}
      - {{function: take_first}}
metric_list:
  - {{metric: exact_match, aggregation: mean, higher_is_better: true}}
"""

GROUP = """\
group: facts
task: [facts_choice, facts_generated]
aggregate_metric_list:
  - {metric: acc, weight_by_size: true}
"""


def question(pair: QAPair, place: str, true_option: int) -> dict[str, object]:
    """Return a row of the data: the true place and another one to choose from."""
    options = [completion(pair)]
    options.insert(1 - true_option, options[0].replace(place, PLACES[PLACES.index(place) - 1]))
    return {"prompt": prompt(pair), "place": place, "options": options, "true_option": true_option}


def write(folder: Path) -> Path:
    """Write two tasks, their group and their questions into a new folder."""
    folder.mkdir(parents=True)
    places = [place for _, _, place in facts()]
    rows = [question(PAIRS[n], places[n], n % 2) for n in range(N_QUESTIONS)]
    data = folder / "facts.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "choice.yaml").write_text(CHOICE.format(data=data), encoding="utf-8")
    (folder / "generated.yaml").write_text(GENERATED.format(data=data), encoding="utf-8")
    (folder / "group.yaml").write_text(GROUP, encoding="utf-8")
    return folder
