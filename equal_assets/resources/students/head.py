"""The output head of a causal language model, applied in slices to what is predicted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from transformers import PreTrainedModel

IGNORED = -100
"""Label of a token that is read but not predicted."""

SLICE_LOGITS = 2**25
"""Logits computed at once, tokens x vocabulary: bounds memory."""


class Head:
    """What a model does with the states of its backbone: its own layers, scales and caps.

    The backbone reads whole sequences; of its states only those before a labelled token go through
    the rest of the model's forward pass, some at a time, while the backbone is replaced by them.
    With gradients, the logits of each slice are computed again on the way back.

    Parameters
    ----------
    model : PreTrainedModel
        A causal language model, adapters in place.

    Attributes
    ----------
    device : torch.device
        Of the model.
    is_separable : bool
        Whether that gives the logits of the whole model, which is tried on two short sequences.
        Otherwise the whole model reads a few sequences at a time.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self.device = model.device
        self._forward = model.forward  # as long as no other one takes its place
        self._vocabulary = model.config.get_text_config().vocab_size
        self.is_separable = self._try()

    def losses(self, input_ids: torch.Tensor, labels: torch.Tensor, **inputs: Any) -> torch.Tensor:
        """Return the loss of each labelled token, in nats, row by row.

        Parameters
        ----------
        input_ids, labels : Tensor of shape (n_sequences, n_tokens)
            Labels are the same tokens, or -100 for those that are only read.
        **inputs
            Further inputs of the backbone: masks, positions.

        Returns
        -------
        Tensor of shape (n_labelled,), float32
            The first token of a sequence is never predicted.
        """
        import torch

        if not self.is_separable:
            return self._losses_of_rows(input_ids, labels, inputs)
        states = self._model.base_model(input_ids=input_ids, use_cache=False, **inputs)
        is_labelled = labels[:, 1:] != IGNORED
        before = states.last_hidden_state[:, :-1][is_labelled]  # (n_labelled, hidden)
        size = max(1, SLICE_LOGITS // self._vocabulary)
        slices = zip(before.split(size), labels[:, 1:][is_labelled].split(size), strict=True)
        return torch.cat([self._slice(states, part, tokens) for part, tokens in slices])

    def _slice(self, states: Any, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.utils.checkpoint import checkpoint

        def loss(hidden: torch.Tensor) -> torch.Tensor:
            return _cross_entropy(self._logits(states, hidden[None])[0], tokens)

        if not torch.is_grad_enabled():
            return loss(hidden)
        return checkpoint(loss, hidden, use_reentrant=False)

    def _logits(self, states: Any, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits of hidden states of shape (n_sequences, n_tokens, hidden)."""
        import torch

        with _backbone(self._model, replace(states, last_hidden_state=hidden)):
            ids = hidden.new_zeros(hidden.shape[:2], dtype=torch.long)  # are not looked up
            return self._forward(input_ids=ids, use_cache=False).logits

    def _losses_of_rows(
        self, input_ids: torch.Tensor, labels: torch.Tensor, inputs: dict[str, Any]
    ) -> torch.Tensor:
        import torch

        n_rows = max(1, SLICE_LOGITS // (input_ids.shape[1] * self._vocabulary))
        losses = []
        for start in range(0, len(input_ids), n_rows):
            rows = slice(start, start + n_rows)
            part = {key: value[rows] for key, value in inputs.items()}
            logits = self._forward(input_ids=input_ids[rows], use_cache=False, **part).logits
            targets = labels[rows, 1:]
            is_labelled = targets != IGNORED
            losses.append(_cross_entropy(logits[:, :-1][is_labelled], targets[is_labelled]))
        return torch.cat(losses)

    def _try(self) -> bool:
        """Tell whether states of two sequences, as one, give the logits of the whole model."""
        import torch

        device = self._model.device
        ids = (torch.arange(8, device=device) % self._vocabulary).reshape(2, 4)
        was_training = self._model.training
        self._model.eval()
        try:
            with torch.no_grad():
                whole = self._forward(input_ids=ids, use_cache=False).logits
                states = self._model.base_model(input_ids=ids, use_cache=False)
                hidden = states.last_hidden_state.flatten(0, 1)[None]
                apart = self._logits(states, hidden)[0]
        except (AttributeError, TypeError):  # it has no backbone apart, or takes it to pieces
            return False
        finally:
            self._model.train(was_training)
        difference = (apart - whole.flatten(0, 1)).abs().max() / whole.abs().max()
        return float(difference) <= torch.finfo(whole.dtype).eps ** 0.5


def with_sliced_loss(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model with a forward pass that gives a loss, and no logits, wherever labels are.

    The loss is the mean over labelled tokens, or their sum over ``num_items_in_batch``, as in
    transformers. A model whose head cannot be taken apart stays as it is.
    """
    from transformers.modeling_outputs import CausalLMOutput

    head = Head(model)
    if not head.is_separable:
        return model
    whole: Callable[..., Any] = model.forward

    @wraps(whole)  # trainers look at its arguments
    def forward(
        *args: Any, labels: Any = None, num_items_in_batch: Any = None, **inputs: Any
    ) -> Any:
        if labels is None:
            return whole(*args, **inputs)
        if getattr(model.config.get_text_config(), "output_router_logits", False):
            # a mixture of experts adds what keeps its experts busy
            return whole(*args, labels=labels, num_items_in_batch=num_items_in_batch, **inputs)
        inputs.pop("use_cache", None)
        losses = head.losses(*args, labels=labels, **inputs)  # type: ignore[misc]  # args: tokens
        n_tokens = max(1, len(losses)) if num_items_in_batch is None else num_items_in_batch
        return CausalLMOutput(loss=losses.sum() / n_tokens)

    model.forward = forward
    return model


@contextmanager
def _backbone(model: PreTrainedModel, states: Any) -> Iterator[None]:
    """Let the model find given states where it asks its backbone for them."""
    import torch

    class States(torch.nn.Module):
        def forward(self, *_: Any, **__: Any) -> Any:
            return states

    name, backbone = model.base_model_prefix, model.base_model
    setattr(model, name, States())
    try:
        yield
    finally:
        setattr(model, name, backbone)


def _cross_entropy(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.nn.functional.cross_entropy(logits.float(), tokens, reduction="none")
