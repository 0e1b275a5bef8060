"""LLM backend `vllm`: an engine in processes of its own that batches all requests in flight."""

from __future__ import annotations

import itertools
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from equal_assets.algorithms.extraction.prompts import Chat
from equal_assets.errors import ExtractionError
from equal_assets.extras import install_command
from equal_assets.resources.llm.llm import LLM, Completion, SoFar, TryFailedError
from equal_assets.resources.llm.model_folder import check_model, no_template
from equal_assets.resources.llm.overheard import ELSEWHERE, Overheard
from equal_assets.settings import VLLMSettings

STRUCTURED_OUTPUTS = {"backend": "guidance", "disable_any_whitespace": True}
"""Measured: guidance always gave valid JSON, xgrammar left raw control characters in strings."""


class VLLM(LLM[None]):
    """vLLM's asynchronous engine; requests join its running batch as they come."""

    def __init__(self, settings: VLLMSettings) -> None:
        self._settings = settings
        self._numbers = itertools.count()
        self._engine: Any = None
        self._tokenizer: Any = None
        self._overheard = Overheard()

    async def start(self) -> None:
        """Load the model.

        Raises
        ------
        ExtractionError
            If vLLM is not installed, or cannot load the model with these settings.
        """
        try:
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as error:
            raise ExtractionError(
                f"extractor.backend vllm needs the package: `{install_command('vllm')}`"
            ) from error
        settings = self._settings
        check_model(settings)
        passed_on = {
            "model": settings.model,
            "tensor_parallel_size": settings.tensor_parallel_size,
            "gpu_memory_utilization": settings.gpu_memory_utilization,
            "max_model_len": settings.max_model_len,
            "quantization": settings.quantization,
            "dtype": settings.dtype,
            "enable_prefix_caching": True,
            "structured_outputs_config": STRUCTURED_OUTPUTS,
            "disable_log_stats": True,
            **settings.engine,
        }
        try:
            with self._overheard.listening():
                self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**passed_on))
        except (TypeError, ValueError, RuntimeError, OSError) as error:
            why = str(error)
            if ELSEWHERE.search(why):
                why = self._overheard.reason() or why
            raise ExtractionError(f"vLLM cannot load {settings.model}: {why}") from error
        self._tokenizer = self._engine.get_tokenizer()
        if not getattr(self._tokenizer, "chat_template", True):
            raise ExtractionError(f"extractor.model = {settings.model}: {no_template()}")

    def room(self, before: None = None) -> AbstractAsyncContextManager[None]:
        """Let every request in: the engine has its own queue."""
        return nullcontext()

    async def complete(
        self,
        place: None,
        messages: Chat,
        schema: dict[str, Any],
        *,
        seed: int | None,
        idempotency_key: str | None = None,
        so_far: SoFar | None = None,
    ) -> Completion:
        """Let the chat join the running batch, and wait for its end."""
        from vllm import SamplingParams
        from vllm.exceptions import VLLMClientError
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        settings = self._settings
        tokens = self._tokens(messages)
        chosen = {"temperature": settings.temperature, "top_p": settings.top_p, "seed": seed}
        sampling = SamplingParams(
            max_tokens=settings.max_reply_tokens,
            **{name: value for name, value in chosen.items() if value is not None},
            structured_outputs=StructuredOutputsParams(json=schema),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        stream = self._engine.generate(
            {"prompt_token_ids": tokens}, sampling, f"request-{next(self._numbers)}"
        )
        try:
            outputs = [output async for output in stream]  # one: FINAL_ONLY
        except (ValueError, VLLMClientError) as error:  # longer than the model can read, for one
            detail = " ".join(str(error).split())[:200]
            raise TryFailedError(
                f"vLLM: {detail}", outcome="refused", next_step="give up"
            ) from error
        except EngineGenerateError as error:
            raise TryFailedError(
                "vLLM: generation failed", outcome="lost", next_step="again"
            ) from error
        except EngineDeadError as error:
            raise ExtractionError(
                f"the vLLM engine ended: {self._overheard.reason()}; its log above says more. "
                "Earlier extractions are stored"
            ) from error
        written = outputs[-1].outputs[0]
        return Completion(
            text=written.text,
            is_cut_off=written.finish_reason == "length",
            prompt_tokens=len(tokens),
            completion_tokens=len(written.token_ids),
        )

    def count(self, messages: Chat) -> int:
        """Return the tokens of a chat, its chat template among them."""
        return len(self._tokens(messages))

    def _tokens(self, messages: Chat) -> list[int]:
        found: list[int] = self._tokenizer.apply_chat_template(
            list(messages),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
        )
        return found

    async def close(self) -> None:
        """End the engine's processes and free the GPU."""
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None
