"""What a forward pass keeps in memory for the way back, counted without computing anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from equal_assets.resources.students.trainers import TrainingRecipe, with_adapters

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


COUNTED_TOKENS = 512
"""Of the sequence that is counted; what is kept grows with the tokens."""


@dataclass(frozen=True)
class Activations:
    """The memory of a training step beside the weights, per token.

    Attributes
    ----------
    n_parameters, n_tuned : int
        Of the model with its adapters, and of the tuned part.
    n_layers, vocabulary : int
    kept_bytes : float
        Of all that the layers keep for the way back.
    hidden_bytes : float
        Of the states between two layers: what each keeps where the rest is computed again.
    """

    n_parameters: int
    n_tuned: int
    n_layers: int
    vocabulary: int
    kept_bytes: float
    hidden_bytes: float

    @property
    def layer_bytes(self) -> float:
        """What one layer keeps."""
        return self.kept_bytes / self.n_layers


def count_activations(folder: Path, recipe: TrainingRecipe, *, bfloat16: bool) -> Activations:
    """Let a model without weights read a sequence, and count the tensors that its layers keep.

    Parameters
    ----------
    folder : Path
        Of the model; only its configuration is read.
    recipe : TrainingRecipe
    bfloat16 : bool
        Precision of weights and arithmetic; float32 otherwise.

    Raises
    ------
    RuntimeError, NotImplementedError
        If the model does something that depends on values.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, trust_remote_code=recipe.trust_remote_code)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(
            config,
            dtype=torch.bfloat16 if bfloat16 else torch.float32,
            attn_implementation="sdpa",
            trust_remote_code=recipe.trust_remote_code,
        )
        if recipe.lora_rank:
            model = with_adapters(model, recipe)
    n_tuned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    n_parameters = sum(p.numel() for p in model.parameters())
    with FakeTensorMode(allow_non_fake_inputs=True):  # weights of the device "meta"
        model.to_empty(device="cpu").train()
        hidden, kept = _kept(model, torch.ones(1, COUNTED_TOKENS, dtype=torch.long))
    text = config.get_text_config()
    return Activations(
        n_parameters=n_parameters,
        n_tuned=n_tuned,
        n_layers=text.num_hidden_layers,
        vocabulary=text.vocab_size,
        kept_bytes=kept / COUNTED_TOKENS,
        hidden_bytes=hidden.numel() * hidden.element_size() / COUNTED_TOKENS,
    )


def _kept(model: PreTrainedModel, input_ids: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return the last states of the backbone, and the bytes that it keeps beside the weights."""
    import torch

    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no address is taken twice

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states = model.base_model(input_ids=input_ids, use_cache=False)
    return states.last_hidden_state, sum(storage.nbytes() for storage in kept.values())
