import pytest

from equal_assets.errors import SettingsError
from equal_assets.settings import OpenAISettings, StructuralSettings, extractor_variants

OWN = OpenAISettings(backend="openai", base_urls=["http://127.0.0.1:9/v1"], model="m", seed=7)


@pytest.fixture
def prompt(tmp_path):
    """Return a function that writes a prompt and gives its path."""

    def write(name, text="Pairs, please: $document"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


def variants(tmp_path, extractor=OWN, *, prompts=(), models=()):
    return extractor_variants(extractor, prompts=prompts, models=models, base=tmp_path)


def test_without_names_there_is_the_one_of_the_file(tmp_path):
    assert variants(tmp_path) == {"campaigns.yaml": OWN}
    assert list(variants(tmp_path, StructuralSettings()).values()) == [StructuralSettings()]


def test_one_prompt_stands_beside_that_of_the_file(tmp_path, prompt):
    found = variants(tmp_path, prompts=[prompt("a.txt")])
    assert list(found) == ["campaigns.yaml", "prompt a.txt"]
    made = found["prompt a.txt"]
    assert made.prompts.template("extract") == "Pairs, please: $document"
    assert made.prompts.template("refine") == OWN.prompts.template("refine")
    assert (made.model, made.seed) == ("m", 7)


def test_several_stand_beside_each_other(tmp_path, prompt):
    found = variants(tmp_path, prompts=[prompt("a.txt"), prompt("b.txt")], models=["n"])
    assert list(found) == ["prompt a.txt", "prompt b.txt", "model n"]
    assert found["model n"].identity() == {**OWN.identity(), "model": "n"}


def test_files_of_one_name_are_told_apart(tmp_path, prompt):
    paths = [prompt("one/a.txt"), prompt("two/a.txt")]
    assert list(variants(tmp_path, prompts=paths)) == [f"prompt {path}" for path in paths]


def test_prompt_that_cannot_be_used_is_said_to_be_one(tmp_path, prompt):
    path = prompt("a.txt", "Pairs, please.")
    with pytest.raises(SettingsError, match=r"prompts.extract = '.*a.txt': the place \$document"):
        variants(tmp_path, prompts=[path])


def test_model_without_a_name_is_said_to_be_none(tmp_path):
    with pytest.raises(SettingsError, match=r"extractor.model = '': .* at least 1 character"):
        variants(tmp_path, models=[""])


def test_extractor_without_an_llm_has_no_prompt(tmp_path, prompt):
    with pytest.raises(SettingsError, match=r"backend = 'structural': must be openai.*--prompt"):
        variants(tmp_path, StructuralSettings(), prompts=[prompt("a.txt")])


def test_more_than_can_be_read_beside_each_other_are_refused(tmp_path):
    assert len(variants(tmp_path, models=["a", "b", "c", "d"])) == 4
    with pytest.raises(SettingsError, match=r"= 5 of them: must be at most 4"):
        variants(tmp_path, models=["a", "b", "c", "d", "e"])
