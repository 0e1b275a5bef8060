import pytest

from equal_assets.algorithms.extraction.leaning import dangling_reference
from equal_assets_tests.timing import takes_less_than


@pytest.mark.parametrize(
    ("question", "phrase"),
    [
        ("In the text above, who speaks?", "the text above"),
        ("According to the passage, who won the war?", "according to the passage"),
        ("Who won, according to the author?", "according to the author"),
        ("Which rule was mentioned above?", "mentioned above"),
        ("What does the following code print?", "the following code"),
        ("What is the angle in the figure?", "in the figure"),
        ("In the figure, what is $x$?", "in the figure"),
        ("As shown below, what is x?", "as shown below"),
        ("What is the main idea of this passage?", "of this passage"),
        ("Summarize the given text.", "the given text"),
        ("What is defined in this section?", "in this section"),
        ("Which method is used in this example?", "in this example"),
        ("What does the document say about tax?", "the document say"),
        ("What are the terms discussed in this chapter?", "discussed in this chapter"),
        ("Based on the text, why did the crew turn back?", "based on the text"),
        ("What is the main idea of the passage?", "idea of the passage"),
        ("What is the solution to Exercise 3?", "exercise 3"),
        ("What is shown in Figure 2.1?", "figure 2.1"),
        ("How does the narrator feel?", "the narrator feel"),
        ("What is the author's view of taxes?", "the author's"),
        ("According to the story, who stole the bread?", "according to the story"),
        ("What is the purpose of the first paragraph?", "purpose of the first paragraph"),
        ("What is the name of the company mentioned?", "the company mentioned"),
        ("Which of the following is true?", "which of the following"),
        ("What does the graph show?", "does the graph show"),
        ("What is the number?", "the number"),
        ("What is the result of the calculation?", "the result"),
        ("What is X?", "X"),
        ("What is the value of x?", "the value"),
        ("Why did he leave Rome?", "he"),
        ("What does it do?", "it"),
        ("What is this animal called?", "this"),
        ("What happened next?", "nothing is named"),
        ("What is the query in question?", "in question"),
        ("How do you get here?", "get here"),
        ("What is the reviewer's opinion of the film?", "the reviewer's"),
        ("How many people are in the recipe?", "in the recipe"),
    ],
)
def test_question_that_leans_on_a_text_is_found(question, phrase):
    assert dangling_reference(question) == phrase


@pytest.mark.parametrize(
    "question",
    [
        "What is the area above the curve?",
        "Write a function that returns the text of a node",
        "In the following sequence 1, 2, 4, what comes next?",
        "Which figure has four sides?",
        "What does `document.querySelector` do?",
        "How do I find an element in the document with JavaScript?",
        "Which numbers are listed in the table `users`?",
        "What does the following code print?\n```\nprint(1)\n```",
        "Given the table below, which is larger?\n| a | 1 |\n| b | 2 |",
        "In which language is this text: 'Bonjour'?",
        "What is the region where f is defined above the x-axis?",
        "According to the author of Hamlet, what is rotten?",
        "What figures of speech are there?",
        "In the figure-eight knot, how many loops are there?",
        "What does the text-align property do?",
        "Who is the author of Moby Dick?",
        "Who is the narrator of The Great Gatsby?",
        "How do you refer to Figure 2 with \\ref in LaTeX?",
        "Exercise 3: solve x + 2 = 5.",
        'What is the theme of the poem "The Raven"?',
        "Ida writes a poem a day. How many lines has she if there are four in the poem?",
        "Tom has three apples and eats one. How many does he have left?",
        "How long does it take to boil an egg?",
        "What is a function?",
        "What are variables?",
        "If 3X + 2 = 11, what is X?",
        "What is the number of sides of a hexagon?",
        "Is the following statement true: every square is a rectangle?",
        "Was ist die Zahl?",
        "Quel est le nombre ?",
        "He olivat missä?",
        "",
    ],
)
def test_question_that_stands_alone_passes(question):
    assert dangling_reference(question) is None


@pytest.mark.timing
@pytest.mark.parametrize(
    "unit", ["the ", "in the figure", "the a ", "Exercise 1 ", "it ", ": ", "What "]
)
def test_hostile_question_is_read_soon(unit):
    text = unit * (100_000 // len(unit))
    assert takes_less_than(1, lambda n: dangling_reference(f"{n}{text}"))
    assert takes_less_than(1, lambda n: dangling_reference(f"what is {text}{n}"))
