"""Losses by slices against those of the whole model, for small models of several architectures."""

import pytest
import torch
import transformers

from equal_assets.resources.students import head as module
from equal_assets.resources.students.head import IGNORED, Head, with_sliced_loss

VOCABULARY = 96
SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
}
ARCHITECTURES = {
    "Llama": SIZES,
    "Qwen2": SIZES | {"tie_word_embeddings": True},
    "Gemma2": SIZES | {"final_logit_softcapping": 0.5},
    "Gemma3": SIZES | {"final_logit_softcapping": 0.5, "layer_types": ["full_attention"] * 2},
    "GPT2": {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 2},
    "GPTNeoX": SIZES,
    "Cohere": SIZES | {"logit_scale": 2.0},
    "Granite": SIZES | {"logits_scaling": 7.0},
    "OPT": SIZES
    | {"ffn_dim": 32, "word_embed_proj_dim": 8},  # its forward pass asks a part of its backbone
}


def made(name: str, **changes):
    config = "Gemma3TextConfig" if name == "Gemma3" else f"{name}Config"
    settings = getattr(transformers, config)(**ARCHITECTURES[name], **changes)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(settings)
    with torch.no_grad():  # logits far from uniform
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.eval()


@pytest.fixture(params=ARCHITECTURES)
def model(request):
    return made(request.param)


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch):
    monkeypatch.setattr(module, "SLICE_LOGITS", 3 * VOCABULARY)


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Return three sequences and their labels: a prompt first, and padding last."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, VOCABULARY, (3, 12), generator=generator)
    labels = ids.clone()
    for row, (first, last) in enumerate([(5, 12), (1, 9), (8, 10)]):
        labels[row, :first] = IGNORED
        labels[row, last:] = IGNORED
    return ids, labels


def plain(model, ids, labels):
    """Return the losses from all logits."""
    logits, targets = model(input_ids=ids).logits[:, :-1], labels[:, 1:]
    losses = torch.nn.functional.cross_entropy(logits.mT, targets, reduction="none")
    return losses[targets != IGNORED]


def test_losses_are_those_of_the_whole_model(model):
    ids, labels = texts()
    with torch.no_grad():
        expected = plain(model, ids, labels)
        found = Head(model).losses(ids, labels)
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected)


def test_gradients_are_those_of_the_whole_model(model):
    ids, labels = texts()
    parameters = list(model.parameters())
    expected, found = (
        torch.autograd.grad(losses.mean(), parameters, allow_unused=True)
        for losses in (plain(model, ids, labels), Head(model).losses(ids, labels))
    )
    assert sum(gradient is not None and gradient.abs().max() > 0 for gradient in found) > 10
    for gradient, same in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, same, rtol=1e-4, atol=1e-5)


def test_head_is_applied_in_slices_to_labelled_positions_alone():
    model = made("Llama")
    seen = []
    model.lm_head.register_forward_hook(lambda _, __, logits: seen.append(logits.shape[:-1]))
    head = Head(model)
    ids, labels = texts()
    seen.clear()
    with torch.no_grad():
        losses = head.losses(ids, labels)
    assert [tuple(shape) for shape in seen] == [(1, 3)] * 5 + [(1, 2)]
    assert len(losses) == int((labels[:, 1:] != IGNORED).sum()) == 17


def test_architecture_that_takes_its_backbone_to_pieces_is_read_whole():
    separable = {name for name in ARCHITECTURES if Head(made(name)).is_separable}
    assert separable == set(ARCHITECTURES) - {"OPT"}


def test_model_is_as_it_was_after_its_head_was_used(model):
    ids, labels = texts()
    names = [name for name, _ in model.named_modules()]
    with torch.no_grad():
        before = model(input_ids=ids).logits
        Head(model.train()).losses(ids, labels)
        assert model.training
        torch.testing.assert_close(model.eval()(input_ids=ids).logits, before, rtol=0, atol=0)
    assert [name for name, _ in model.named_modules()] == names


@pytest.mark.parametrize("n_tokens", [None, 40])
def test_loss_of_a_model_with_sliced_loss_is_its_own(model, n_tokens):
    ids, labels = texts()
    mask = torch.ones_like(ids)
    given = {"input_ids": ids, "attention_mask": mask, "labels": labels}
    expected = model(**given, num_items_in_batch=n_tokens).loss
    sliced = with_sliced_loss(model)
    torch.testing.assert_close(sliced(**given, num_items_in_batch=n_tokens).loss, expected)
    assert sliced(input_ids=ids).logits.shape == (3, 12, VOCABULARY)


def test_mixture_of_experts_keeps_the_loss_that_balances_its_experts():
    experts = {"num_local_experts": 2, "num_experts_per_tok": 1, "output_router_logits": True}
    config = transformers.MixtralConfig(**SIZES, **experts, router_aux_loss_coef=0.5)
    torch.manual_seed(0)
    model = transformers.MixtralForCausalLM(config).eval()
    ids, labels = texts()
    expected = model(input_ids=ids, labels=labels).loss
    assert expected > plain(model, ids, labels).mean() + 0.1
    torch.testing.assert_close(with_sliced_loss(model)(input_ids=ids, labels=labels).loss, expected)
