import dagster as dg
import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import save_file

from equal_assets import settings
from equal_assets.records import Document, QAPair, Usage
from equal_assets.resources.extraction import extractors
from equal_assets.resources.extraction.extractors import (
    Extractor,
    Order,
    ReplayExtractor,
    StructuralExtractor,
    build_extractor,
)
from equal_assets.resources.llm.spending import Allowance

ORDER = Order(payer="warm-up", run="test", allowance=Allowance())
DOCSTRING = "Solve a linear system.\n\n>>> solve(a, b)\narray([2., 3.])"
TALK = (
    "Q: Why is the sky blue?\nA: Air scatters blue light most.\n"
    "Q: Who said so?\nA: Lord Rayleigh, long ago."
)


def document(text, **fields):
    return Document(document_id="d", text=text, source="s", file="f", row=1, **fields)


def extracted(extractor, *documents):
    return list(extractor.extract(documents, ORDER))


def question_about(**metadata):
    (extraction,) = extracted(
        StructuralExtractor(max_pairs=5), document(DOCSTRING, metadata=metadata)
    )
    return extraction.pairs[0].question


def test_structural_yields_one_extraction_per_document_in_order():
    documents = [document(TALK), document("No question is asked here."), document(DOCSTRING)]
    extractions = extracted(StructuralExtractor(max_pairs=5), *documents)
    assert [e.content_hash for e in extractions] == [d.content_hash for d in documents]
    assert [e.status for e in extractions] == ["pairs", "no pairs", "no pairs"]
    assert [len(e.pairs) for e in extractions] == [2, 0, 0]


def test_structural_extraction_costs_time_but_no_tokens():
    (extraction,) = extracted(StructuralExtractor(max_pairs=5), document(TALK))
    assert extraction.usage == Usage()
    assert extraction.seconds > 0
    assert extraction.reason is None


def test_extractions_are_handed_out_as_each_is_finished():
    read = []

    class Counted(list):
        def __iter__(self):
            for item in super().__iter__():
                read.append(item)
                yield item

    stream = StructuralExtractor(max_pairs=5).extract(
        Counted([document(TALK), document("x")]), ORDER
    )
    next(stream)
    assert len(read) == 1


@pytest.mark.parametrize("extractor", [StructuralExtractor, ReplayExtractor])
def test_at_most_max_pairs_are_kept(extractor):
    pairs = (QAPair("one?", "1"), QAPair("two?", "2"))
    (extraction,) = extracted(extractor(max_pairs=1), document(TALK, qa_pairs=pairs))
    assert len(extraction.pairs) == 1


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"module": "numpy.linalg", "qualname": "solve"}, "numpy.linalg.solve"),
        ({"module": "numpy.linalg._linalg", "qualname": "solve"}, "numpy.linalg.solve"),
        ({"module": "numpy._core.fromnumeric", "qualname": "solve"}, "numpy.solve"),
        ({"module": "_solvers", "qualname": "solve"}, "_solvers.solve"),
        ({"module": "a.b", "qualname": "A.solve"}, "a.b.A.solve"),
        ({"module": "a.b", "qualname": "A.__init__"}, "a.b.A"),
        ({"module": "a.b", "qualname": "A._solve"}, "a.b.A._solve"),
        ({"module": "a.b", "qualname": "a.b", "kind": "module"}, "a.b"),
        ({"module": "copy", "qualname": "copy", "kind": "function"}, "copy.copy"),
        ({"module": "a.b"}, "a.b"),
    ],
)
def test_docstring_is_asked_by_its_public_name(metadata, name):
    assert question_about(**metadata) == f"How do I solve a linear system with `{name}`?"


def test_unexpected_error_is_not_swallowed(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("bug")

    monkeypatch.setattr(extractors, "extract_pairs", broken)
    with pytest.raises(ZeroDivisionError, match="bug"):
        extracted(StructuralExtractor(max_pairs=5), document(TALK))


def test_replay_hands_back_whole_pairs_only():
    whole = QAPair("Who?", "Ada")
    pairs = (QAPair("", "no question"), whole, QAPair("No answer?", " \n"))
    (extraction,) = extracted(ReplayExtractor(max_pairs=5), document(TALK, qa_pairs=pairs))
    assert (extraction.status, extraction.pairs) == ("pairs", (whole,))


@pytest.mark.parametrize("pairs", [(), (QAPair(" ", "answer"), QAPair("question", ""))])
def test_replay_without_whole_pairs_is_no_pairs(pairs):
    (extraction,) = extracted(ReplayExtractor(max_pairs=5), document(TALK, qa_pairs=pairs))
    assert (extraction.status, extraction.pairs) == ("no pairs", ())


def test_fingerprint_is_stable_for_equal_extractors():
    assert (
        StructuralExtractor(max_pairs=5).fingerprint == StructuralExtractor(max_pairs=5).fingerprint
    )


def test_fingerprint_changes_with_backend_version_and_settings():
    class Later(StructuralExtractor):
        VERSION = StructuralExtractor.VERSION + 1

    fingerprints = {
        StructuralExtractor(max_pairs=5).fingerprint,
        StructuralExtractor(max_pairs=6).fingerprint,
        ReplayExtractor(max_pairs=5).fingerprint,
        Later(max_pairs=5).fingerprint,
    }
    assert len(fingerprints) == 4


@pytest.mark.parametrize(
    ("backend", "extractor"),
    [
        (settings.StructuralSettings, StructuralExtractor),
        (settings.ReplaySettings, ReplayExtractor),
    ],
)
def test_settings_name_the_extractor(backend, extractor, tmp_path):
    built = build_extractor(backend(max_pairs=7), tmp_path)
    assert type(built) is extractor
    assert built.max_pairs == 7


def test_limit_below_one_is_refused():
    with pytest.raises(ValidationError, match="max_pairs"):
        StructuralExtractor(max_pairs=0)


def test_role_is_a_dagster_resource():
    @dg.asset
    def qa(extractor: Extractor) -> dg.MaterializeResult:
        (extraction,) = extractor.extract([document(TALK)], ORDER)
        return dg.MaterializeResult(metadata={"pairs": len(extraction.pairs)})

    run = dg.materialize([qa], resources={"extractor": StructuralExtractor(max_pairs=5)})
    assert run.asset_materializations_for_node("qa")[0].metadata["pairs"].value == 2


def test_extractors_without_a_model_take_no_operations():
    assert StructuralExtractor(max_pairs=1).flops_per_token() == 0
    assert ReplayExtractor(max_pairs=1).flops_per_token() == 0


def llm_extractor(folder, backend, **keys):
    section = {
        "openai": settings.OpenAISettings(
            backend="openai", model=str(folder), base_urls=["http://h/v1"], **keys
        ),
        "vllm": settings.VLLMSettings(backend="vllm", model=str(folder), **keys),
    }[backend]
    return build_extractor(section, folder)


@pytest.mark.parametrize("backend", ["openai", "vllm"])
def test_token_of_an_llm_takes_twice_the_parameters_that_are_stated_and_no_guess(backend, tmp_path):
    assert llm_extractor(tmp_path, backend, parameters=72e9).flops_per_token() == 1.44e11
    folder = tmp_path / "Qwen2.5-72B-Instruct"
    assert llm_extractor(folder, backend).flops_per_token() is None


def test_parameters_of_a_folder_are_read_where_vllm_loads_it_and_a_server_may_hold_another(
    tmp_path,
):
    (tmp_path / "config.json").write_text("{}")
    save_file({"weight": np.zeros((3, 5), dtype=np.float32)}, tmp_path / "model.safetensors")
    assert llm_extractor(tmp_path, "vllm").flops_per_token() == 2 * 15
    assert llm_extractor(tmp_path, "vllm", parameters=7).flops_per_token() == 2 * 7
    assert llm_extractor(tmp_path, "openai").flops_per_token() is None
