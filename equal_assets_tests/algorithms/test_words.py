"""Words in scripts with and without spaces, and what leaks and repeats make of them."""

import numpy as np
import pytest

from equal_assets.algorithms.decontamination import Leak, ProtectedQuestions
from equal_assets.algorithms.deduplication import (
    Repeat,
    equal_pairs,
    near_duplicates,
    numbers,
    same_meaning,
)
from equal_assets.algorithms.words import cut, ngrams, words
from equal_assets.records import QAPair
from equal_assets.resources.embedding.english import is_english

SPACED = {
    "hi": "हिमालय पर्वत से निकलने वाली सबसे लंबी नदी का नाम क्या है और वह कहाँ बहती है?",
    "ar": "ما اسم أطول نهر ينبع من جبال الهيمالايا وفي أي بحر يصب هذا النهر؟",
}
UNSPACED = {
    "zh": "请问发源于喜马拉雅山脉的最长的河流叫什么名字，它最后流入哪个海洋？",
    "ja": "ヒマラヤ山脈から流れ出る一番長い川の名前は何で、どの海に注いでいますか？",
    "th": "แม่น้ำที่ยาวที่สุดซึ่งไหลลงมาจากเทือกเขาหิมาลัยมีชื่อว่าอะไรและไหลลงสู่ทะเลใด",
    "km": "ទន្លេវែងជាងគេដែលហូរចេញពីភ្នំហិម៉ាឡៃមានឈ្មោះអ្វីហើយហូរចូលសមុទ្រណា",
    "my": "ဟိမဝန္တာတောင်တန်းမှစီးဆင်းသောအရှည်ဆုံးမြစ်၏အမည်ကဘာလဲဘယ်ပင်လယ်ထဲသို့စီးဝင်သလဲ",
}


def leaks(test, *texts):
    protected = ProtectedQuestions([QAPair(test, "")], n=10)
    return protected.find_leaks([QAPair(text, "") for text in texts])


def test_characters_with_their_marks_are_words_where_no_spaces_are():
    assert words("水, H₂O 和 ที่") == ["水", "h₂o", "和", "ที่"]
    assert words("दिन दान") == ["दिन", "दान"]
    assert cut("什么 AB火山").is_edge == [True, False, True, True, False, True]


def test_ten_words_are_twenty_chinese_and_thirty_thai_characters():
    assert {len(gram) for gram in ngrams("水" * 25, n=10)} == {20}
    assert {len(gram) for gram in ngrams("ก" * 40, n=10)} == {30}
    assert {len(gram) for gram in ngrams("水" * 5, n=10)} == {5}
    assert {len(gram) for gram in ngrams("a b " + "水" * 18, n=10)} == {18, 19}


@pytest.mark.parametrize("text", [*SPACED.values(), *UNSPACED.values()])
def test_question_inside_a_text_leaks(text):
    assert leaks(text, f"{text[:4]}… {text}", text[1:]) == [Leak("overlap", 0)] * 2


@pytest.mark.parametrize("text", UNSPACED.values())
def test_texts_that_share_the_beginning_alone_do_not_leak(text):
    assert leaks(text, text[:12]) == [None]


def test_short_question_leaks_between_punctuation_and_not_inside_other_words():
    found = leaks("什么是火山？", "请问，什么是火山？", "什么是火山岩？", "什么是火山")
    assert found == [Leak("overlap", 0), None, Leak("overlap", 0)]
    assert leaks("ภูเขาไฟคืออะไร", "ภูเขาไฟคืออะไรบ้าง") == [None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is DNA?", "Ｗｈａｔ　ｉｓ　ＤＮＡ？"),
        ("ما هو الكَهْرَباء؟", "ما هو الكهرباء؟"),
        ("\u200fמה זה אור?\u200f", "מה זה אור?"),
        ("火山とは何ですか？", "火山とは何ですか"),
        ("caf\u00e9", "cafe\u0301"),
        ("Was ist ein Fluß?", "WAS IST EIN FLUSS?"),
    ],
)
def test_forms_of_the_same_characters_are_equal(one, other):
    assert equal_pairs([QAPair(one, "x"), QAPair(other, "x")]) == [None, Repeat(0)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("दिन क्या है?", "दान क्या है?"), ("What is 2³?", "What is 23?"), ("น้ำคืออะไร", "นำคืออะไร")],
)
def test_what_signs_alone_tell_apart_is_not_equal(one, other):
    assert equal_pairs([QAPair(one, "x"), QAPair(other, "x")]) == [None, None]


@pytest.mark.parametrize("text", UNSPACED.values())
def test_nearly_equal_texts_are_repeats(text):
    pairs = [QAPair(text, text * 3), QAPair(f"{text}!", text * 3 + text[:3])]
    assert near_duplicates(pairs, threshold=0.8)[1] is not None


def test_numbers_in_other_digits_are_numbers():
    assert numbers("۱۲ و ३") == numbers("12 and 3")
    assert numbers("2²") != numbers("2³")
    assert numbers("二十只羊") != numbers("三十只羊")
    assert numbers("一般情况十分好") == frozenset()
    vectors = [[1.0, 0.0]] * 2
    questions = ["三只羊有几条腿？", "四只羊有几条腿？"]
    assert same_meaning(questions, np.array(vectors), threshold=0.97) == [None, None]


@pytest.mark.parametrize(
    "question",
    [
        "Solve $x^2-5x+6=0$.",
        "What is $\\sin(α + β)$?",
        "x = 3, y = ?",
        "Why doesn't sympy simplify `sqrt(x**2)` to `x`?",
        "What does the word 你好 mean in Chinese?",
        "What is the capital of Côte d'Ivoire?",
        "",
    ],
)
def test_english_formulas_and_code_are_known(question):
    assert is_english([question]) == [True]


@pytest.mark.parametrize(
    "question",
    [
        "আকাশ নীল কেন?",
        "Τι είναι το ηφαίστειο;",
        "מהו אור?",
        "რა არის ვულკანი?",
        "எரிமலை என்றால் என்ன?",
        "pandas 中怎样连接两个 DataFrame?",
        "ដើមឈើជាអ្វី?",
        "Warum verfärben sich die Blätter im Herbst?",
        "Pourquoi le fer rouille-t-il quand il est mouillé ?",
    ],
)
def test_other_languages_are_not_known(question):
    assert is_english([question]) == [False]
