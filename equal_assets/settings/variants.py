"""The section `extractor` with another prompt or another model, to see what difference it makes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from equal_assets.errors import SettingsError
from equal_assets.settings.extraction import ExtractorSettings, LLMExtractionSettings

AS_WRITTEN = "campaigns.yaml"
"""What the extractor is called as it stands in the file."""

MOST = 4
"""Variants that can be read beside each other."""


def extractor_variants(
    extractor: ExtractorSettings, *, prompts: Sequence[str], models: Sequence[str], base: Path
) -> dict[str, ExtractorSettings]:
    """Return extractors to set beside each other, by what people call them.

    Parameters
    ----------
    extractor : ExtractorSettings
        As in campaigns.yaml. It is the only one where nothing is named, and the first where one
        prompt or model is.
    prompts, models : sequence of str
        Each takes the place of ``prompts.extract`` or ``model`` in a variant of its own.
    base : Path
        The folder that the model's path is relative to, if it is one.

    Raises
    ------
    SettingsError
        If the extractor has no LLM, there are too many, or a prompt or model cannot be used.
    """
    if not (prompts or models):
        return {AS_WRITTEN: extractor}
    if not isinstance(extractor, LLMExtractionSettings):
        raise SettingsError(
            f"extractor.backend = {extractor.backend!r}: must be openai, vllm or llama-cpp to try "
            "other prompts or models; leave --prompt and --model out"
        )
    if len(prompts) + len(models) > MOST:
        raise SettingsError(
            f"--prompt and --model = {len(prompts) + len(models)} of them: must be at most {MOST} "
            "to be read beside each other; leave some out"
        )
    first = {AS_WRITTEN: extractor} if len(prompts) + len(models) == 1 else {}
    named = {
        f"prompt {_short(path, prompts)}": extractor.varied(
            base=base, prompts={**extractor.prompts.model_dump(), "extract": path}
        )
        for path in prompts
    }
    named |= {f"model {model}": extractor.varied(base=base, model=model) for model in models}
    return {**first, **named}


def _short(path: str, others: Sequence[str]) -> str:
    """Return the name of a file, or its path if another one has the same name."""
    name = Path(path).name
    return path if sum(Path(other).name == name for other in others) > 1 else name
