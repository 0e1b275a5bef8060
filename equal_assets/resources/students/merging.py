"""A tuned student as one whole model that other programs run."""

from __future__ import annotations

from pathlib import Path

from equal_assets.resources.publishing import publishing
from equal_assets.resources.students.causal_lm import base_of, load
from equal_assets.resources.students.student import ask

PLAIN = (
    "{{ START_token }}{% for message in messages %}{% if message['role'] == 'assistant' %} "
    "{{ message['content'] | trim }}{{ eos_token }}{% else %}ASKED{% endif %}{% endfor %}"
)
"""Chat template of a student without one: it writes the prompts that the student was tuned on."""


def merge(
    path: Path, out: Path, *, chat_template: str = "auto", trust_remote_code: bool = False
) -> int:
    """Write a whole model, adapters added to its weights, in the precision of its base.

    Parameters
    ----------
    path : Path
        A tuned student.
    out : Path
        New or empty folder.
    chat_template : str
        As the student was tuned. A student of plain prompts gets a template that writes these.
    trust_remote_code : bool
        Whether code that comes with the model may run.

    Returns
    -------
    int
        Its parameters.

    Raises
    ------
    ModelError
        If there is no model in ``path``, or its base is gone.
    """
    from peft import PeftModel
    from transformers import AutoConfig

    base = base_of(path)
    keys = {"chat_template": chat_template, "trust_remote_code": trust_remote_code}
    model, tokenizer = load(base, **keys)  # type: ignore[arg-type]
    if base != path:
        model = PeftModel.from_pretrained(model, path).merge_and_unload()
    if tokenizer.chat_template is None:
        start = "eos" if tokenizer.bos_token is None else "bos"
        asked = ask("ASKED").replace("ASKED", "{{ message['content'] | trim }}")
        tokenizer.chat_template = PLAIN.replace("START", start).replace("ASKED", asked)
    of_base = AutoConfig.from_pretrained(base, trust_remote_code=trust_remote_code).dtype
    with publishing(out) as draft:
        (model.to(of_base) if of_base is not None else model).save_pretrained(draft)
        tokenizer.save_pretrained(draft)
    return model.num_parameters()
