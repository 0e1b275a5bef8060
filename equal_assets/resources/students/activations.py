"""What a forward pass keeps in memory for the way back, counted without computing anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from equal_assets.resources.students.trainers import TrainingRecipe, with_adapters

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Activations:
    """The memory of a training step beside the weights.

    Attributes
    ----------
    n_parameters, n_tuned : int
        Of the model with its adapters, and of the tuned part.
    n_bytes : int
        Of all that the layers keep.
    n_layers : int
    hidden_bytes : int
        Of the states between two layers: what each keeps where the rest is computed again.
    """

    n_parameters: int
    n_tuned: int
    n_bytes: int
    n_layers: int
    hidden_bytes: int

    @property
    def of_a_layer(self) -> float:
        """Bytes that one layer keeps."""
        return self.n_bytes / self.n_layers


def count_activations(
    folder: Path, recipe: TrainingRecipe, *, n_sequences: int, n_tokens: int, bfloat16: bool
) -> Activations:
    """Let a model without weights read sequences, and count the tensors that its layers keep.

    Parameters
    ----------
    folder : Path
        Of the model; only its configuration is read.
    recipe : TrainingRecipe
    n_sequences, n_tokens : int
        Read at once, each so long.
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
        hidden, kept = _kept(model, torch.ones(n_sequences, n_tokens, dtype=torch.long))
    return Activations(
        n_parameters=n_parameters,
        n_tuned=n_tuned,
        n_bytes=kept,
        n_layers=config.get_text_config().num_hidden_layers,
        hidden_bytes=hidden.numel() * hidden.element_size(),
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
        states = model.base_model(
            input_ids=input_ids, attention_mask=torch.ones_like(input_ids), use_cache=False
        )
    return states.last_hidden_state, sum(storage.nbytes() for storage in kept.values())
