import pytest

from equal_assets.records import Usage
from equal_assets.resources.llm.capacity import Capacity, capacity, strains
from equal_assets.settings import OpenAISettings

URL = "http://127.0.0.1:1/v1"


def told(entry, answers, *, model="m", url=URL):
    return capacity(model, url, entry, lambda path, body=None: answers.get(path))


def test_llama_cpp_tells_its_slots_and_the_context_of_each():
    props = {"total_slots": 4, "default_generation_settings": {"n_ctx": 8192}}
    assert told({"owned_by": "llamacpp"}, {"/props": props}) == Capacity(4, 8192)
    assert told({"owned_by": "llamacpp"}, {}) == Capacity()


def test_vllm_and_others_tell_the_context_in_their_list():
    assert told({"owned_by": "vllm", "max_model_len": 32768}, {}) == Capacity(None, 32768)
    assert told({"context_length": 1000}, {}) == Capacity(None, 1000)
    assert told({"max_model_len": "many"}, {}) == Capacity()
    assert told({}, {}) == Capacity()


def test_ollama_tells_the_context_that_the_model_is_loaded_with_or_will_be():
    loaded = {
        "/api/ps": {"models": [{"name": "other"}, {"name": "m:latest", "context_length": 4096}]}
    }
    assert told({"owned_by": "library"}, loaded) == Capacity(None, 4096)
    stated = {"/api/ps": {"models": []}, "/api/show": {"parameters": "stop x\nnum_ctx 8192"}}
    assert told({"owned_by": "me"}, stated, url="http://h:11434/v1") == Capacity(None, 8192)
    assert told({"owned_by": "library"}, {"/api/show": {"parameters": None}}) == Capacity()


def test_lm_studio_tells_of_the_instance_that_is_loaded():
    instance = {"id": "m", "config": {"context_length": 4096, "parallel": 4}}
    listed = {"models": [{"key": "k", "loaded_instances": []}, {"loaded_instances": [instance]}]}
    entry = {"owned_by": "organization_owner"}
    assert told(entry, {"/api/v1/models": listed}) == Capacity(4, 4096)
    assert told(entry, {"/api/v1/models": {"models": []}}) == Capacity()
    assert told(entry, {"/api/v1/models": None}) == Capacity()


def settings(**keys):
    return OpenAISettings(**{"backend": "openai", "model": "m", "base_urls": [URL], **keys})


FAST = Usage(prompt_tokens=500, completion_tokens=50, request_seconds=0.5)


def test_settings_that_a_server_can_take_are_no_strain():
    assert list(strains(settings(concurrency=4), URL, Capacity(4, 9000), FAST)) == []
    assert list(strains(settings(), URL, Capacity(), None)) == []


def test_more_requests_than_slots_are_told_with_what_to_set():
    (text,) = strains(settings(concurrency=64), URL, Capacity(4, None), FAST)
    assert text.startswith(f"extractor.concurrency = 64: {URL} works on 4 requests at once")
    assert "set 4, or start the server with more slots" in text
    two = settings(base_urls=[URL, "http://b/v1"], concurrency=9)
    (text,) = strains(two, URL, Capacity(4, None), FAST)
    assert "extractor.concurrency = 9, 5 of them there: " in text
    assert "set 8, " in text


def test_context_that_holds_no_chunk_with_its_replies_is_told():
    longest = settings().longest_chat(4)
    assert list(strains(settings(), URL, Capacity(None, longest), None)) == []
    (text,) = strains(settings(), URL, Capacity(None, 4096), None)
    assert "extractor.chunk_characters = 12,000 and max_reply_tokens = 2,048 come to about" in text
    assert f"{longest:,} tokens with the prompts: {URL} holds 4,096 of" in text


@pytest.mark.parametrize(
    ("can", "share"), [(Capacity(), 1), (Capacity(4, None), 4), (Capacity(1, None), 1)]
)
def test_time_out_that_the_longest_request_passes_is_told_with_another(can, share):
    slow = Usage(prompt_tokens=500, completion_tokens=40, request_seconds=20.0)
    *_, text = strains(settings(concurrency=4), URL, can, slow)
    seconds = 20 * 2048 / 40 * share
    assert text.startswith("extractor.timeout_seconds = 300: ")
    assert "took 20.0 s to read 500 tokens and write 40" in text
    assert f"may take {seconds:,.0f} s" in text
    assert (f", {share} at once" in text) == (share > 1)
    proposed = int(text.partition("; set ")[2].partition(", or")[0].replace(",", ""))
    assert 1.5 * seconds <= proposed < 1.7 * seconds
    patient = settings(concurrency=4, timeout_seconds=proposed)
    assert not any("timeout" in told for told in strains(patient, URL, can, slow))
