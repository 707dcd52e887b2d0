"""Training texts made by hand: which parts they have, how they end, whether a marker is found again."""

from __future__ import annotations

import pytest

from nl2sql_review.interpret.core.datasets import Row
from nl2sql_review.interpret.core.recording import Recording
from nl2sql_review.readers.dataset.columns import argument, column_role, columns_read, method_of, receiver
from nl2sql_review.readers.dataset.schema_cut import cuts
from nl2sql_review.readers.prompt.ending import ending_of
from nl2sql_review.readers.prompt.markers import FOUND, LOST, MISSING, markers_of
from nl2sql_review.readers.prompt.parts import parts_of
from nl2sql_review.readers.prompt.text import alternatives, assign_roles, chat, label_role
from nl2sql_review.readers.prompt.tokenizer import Tokenizer
from nl2sql_review.readers.prompt.tokenizers import CHATML, family
from nl2sql_review.readers.run import Run
from nl2sql_review.training_plan.facts import Fact, TrainingPlan
from nl2sql_review.training_plan.values import Absent, Either, Known, Term, Text, Unknown

from .test_reading_kinds import plan_of

ROW = Term("ex", "row", (Known(Row("ex", None, False)),))
EOS = Term("tokenizer.eos_token", "attribute", (Term("tokenizer", "symbol"), Known("eos_token")))
CODELLAMA, LLAMA_3, QWEN, GEMMA = map(
    family,
    ("codellama/CodeLlama-7b-hf", "unsloth/Meta-Llama-3.1-8B", "Qwen/Qwen2.5-7B-Instruct", "google/gemma-2-9b-it"),
)


def tokenizer(name=None):
    """The tokenizer of a run that loads a model of this name and says no more of it."""
    plan = TrainingPlan()
    plan.lora.model_name = Fact(Known(name)) if name else Fact()
    return Tokenizer(Run(Recording(), None), plan)


def item(name):
    return Term(f'ex["{name}"]', "item", (ROW, Known(name)))


def get(name, fallback=None):
    args = (ROW, Known(name)) if fallback is None else (ROW, Known(name), fallback)
    return Term(f'ex.get("{name}")', "get", args)


def call(name, owner, *args, **keywords):
    named = tuple(Term(k, "keyword", (v,)) for k, v in keywords.items())
    return Term(f"{name}(…)", "call", (*args, *named, Term(name, "receiver", (owner,))))


SCHEMA, QUESTION, SQL = item("schema"), item("question"), item("sql")
SEED = Text(
    (
        " ### Instruction:\nWrite SQL.\n\nDatabase Schema:\n",
        SCHEMA,
        "\n\nQuestion: ",
        QUESTION,
        "\n\n ### Response:\n",
        SQL,
        EOS,
    )
)


def one(value):
    (pieces,) = alternatives(value)
    return pieces


# -- columns
# ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        (item("sql"), ["sql"]),
        (get("question", get("sql_prompt", Known(""))), ["question", "sql_prompt"]),
        (Term('ex["sql"][:9]', "slice", (item("sql"), Known(None), Known(9))), ["sql"]),
        (call("strip", item("input")), ["input"]),
        (Term("row.question", "attribute", (ROW, Known("question"))), ["question"]),
        (
            Term(
                'ex["messages"][0]["content"]',
                "item",
                (Term("…", "item", (item("messages"), Known(0))), Known("content")),
            ),
            ["messages", "content"],
        ),
    ],
)
def test_columns_an_expression_reads(value, columns):
    assert columns_read(value) == columns


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("db_schema", "schema"), ("context", "schema"), ("sql_context", "schema"), ("CREATE_TABLE", "schema"),
        ("sql_prompt", "question"),
        ("nl_question", "question"), ("userQuestion", "question"), ("gold_sql", "sql"), ("answer", "sql"),
        ("input", ""), ("query", ""), ("id", ""),
    ],
)  # fmt: skip
def test_the_part_a_column_holds_by_its_name(name, role):
    assert column_role(name) == role


def test_arguments_of_a_call_expression():
    made = call("apply_chat_template", Term("tokenizer", "symbol"), item("messages"), tokenize=Known(False))
    assert method_of(made) == "apply_chat_template"
    assert argument(made, 0).text == 'ex["messages"]'
    assert argument(made, 1, "tokenize").value is False
    assert isinstance(argument(made, 5, "nothing"), Absent)
    assert receiver(made).text == "tokenizer"


# -- parts
# --------------------------------------------------------------------------------------------------------------


def test_the_seeds_prompt_has_all_parts():
    parts = parts_of(one(SEED), "text")
    assert parts.order == ["instruction", "schema", "question", "response", "sql"]
    assert (parts.missing, parts.doubts, parts.style) == ([], [], "alpaca")


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        (("### Instruction:\nWrite SQL.\nQuestion: ", QUESTION, "\n### Response:\n", SQL), ["schema"]),
        (("### Instruction:\nWrite SQL.\nSchema: ", SCHEMA, "\n### Response:\n", SQL), ["question"]),
        (("### Instruction:\nSchema: ", SCHEMA, "\nQuestion: ", QUESTION, "\n", SQL), ["response"]),
        (("Schema: ", SCHEMA, "\nQuestion: ", QUESTION, "\nSQL: ", SQL), ["instruction"]),
        (("### Instruction:\nSchema: ", SCHEMA, "\n", QUESTION, "\n### Response:\n", SQL), ["label of the question"]),
        (
            ("### Instruction:\nSchema: ", SCHEMA, "\n### Response:\n", SQL, "\nQuestion: ", QUESTION),
            ["question before the response"],
        ),
    ],
)
def test_what_a_prompt_lacks(parts, missing):
    found = parts_of(one(Text(parts)), "text")
    assert found.missing == missing and not found.doubts


def test_a_hole_that_nobody_can_read_leaves_a_doubt():
    found = parts_of(
        one(
            Text(
                (
                    "### Instruction:\n",
                    item("instruction"),
                    "\n### Input:\n",
                    item("input"),
                    "\n### Response:\n",
                    item("output"),
                )
            )
        ),
        "text",
    )
    assert found.missing == ["schema", "question"] and found.doubts


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("You are a helpful assistant with these tools: ", ""),
        ("### Assistant: ", "sql"),
        ("ASSISTANT: ", "sql"),
        ("You are a helpful assistant. Here is the schema: ", "schema"),
    ],
)
def test_an_assistant_that_a_sentence_names_announces_no_answer(label, role):
    assert label_role(label.strip()) == role


def test_a_label_settles_what_an_ambiguous_column_holds():
    text = Text(
        (
            "### Instruction:\nWrite SQL.\nSchema:\n",
            Unknown("not in the project"),
            "\nQuestion: ",
            item("input"),
            "\n### SQL:\n",
            item("query"),
            EOS,
        )
    )
    found = parts_of(one(text), "text")
    assert (found.missing, found.doubts) == ([], [])


def test_a_chat_has_its_parts_in_turns():
    messages = Unknown("", parts=[
        Unknown("", parts={"role": Known("system"), "content": Known("You write SQL.")}),
        Unknown("", parts={"role": Known("user"), "content": Text(("Schema:\n", SCHEMA, "\nQuestion: ", QUESTION))}),
        Unknown("", parts={"role": Known("assistant"), "content": SQL}),
    ])  # fmt: skip
    (pieces,) = chat(messages)
    assign_roles(pieces)
    found = parts_of(pieces, "chat")
    assert (
        found.order == ["instruction", "schema", "question", "response", "sql"]
        and found.missing == []
        and found.style == "chat"
    )
    assert ending_of(pieces, tokenizer("Qwen/Qwen2.5-7B-Instruct")).kind == "eos"
    assert ending_of(pieces, tokenizer("Qwen/Qwen2.5-7B")).kind == "foreign eos"  # which stops at <|endoftext|>
    assert ending_of(pieces, tokenizer()).kind == ""


# -- ending
# -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "model", "kind"),
    [
        ((SQL, EOS), "codellama/CodeLlama-7b-hf", "eos"),
        ((SQL,), "codellama/CodeLlama-7b-hf", "none"),
        ((SQL, "\n"), "codellama/CodeLlama-7b-hf", "none"),
        ((SQL, EOS, "\n"), "codellama/CodeLlama-7b-hf", "text after eos"),
        ((SQL, EOS, "\n\n### End"), "codellama/CodeLlama-7b-hf", "text after eos"),
        ((SQL, EOS, EOS), "codellama/CodeLlama-7b-hf", "two eos"),
        ((SQL, "</s>", EOS), "codellama/CodeLlama-7b-hf", "two eos"),
        ((SQL, "</s>"), "codellama/CodeLlama-7b-hf", "eos"),
        ((SQL, "</s>"), "unsloth/Meta-Llama-3.1-8B", "foreign eos"),
        ((SQL, "</s>"), None, ""),  # of a model that is not known, it may be four ordinary tokens
        ((SQL, "<|im_end|>\n"), "Qwen/Qwen2.5-7B-Instruct", "eos"),
        ((SQL, "<|im_end|>\n"), "Qwen/Qwen2.5-Coder-7B", "foreign eos"),  # a base model stops elsewhere
        ((SQL, "<|im_end|>", EOS), "Qwen/Qwen2.5-7B-Instruct", "two eos"),
        ((SQL, "<|im_end|>", EOS), "Qwen/Qwen2.5-7B", "eos"),
        ((SQL, "<|eot_id|>"), "meta-llama/Llama-3.1-8B", "foreign eos"),
        ((SQL, "<|eot_id|>"), "meta-llama/Llama-3.1-8B-Instruct", "eos"),
        ((SQL, "<|eot_id|>"), "someone/Hermes-3-Llama-3.1-8B", "eos"),  # one of the family's, and no more is known
        ((SQL, "<end_of_turn>\n", EOS), "google/gemma-2-9b-it", "eos"),
        ((SQL, "</s>", EOS), None, ""),
        ((SQL, Unknown("a parameter")), "codellama/CodeLlama-7b-hf", ""),
        (
            (SQL, Term("settings.eos", "attribute", (Term("settings", "symbol"), Known("eos")))),
            "codellama/CodeLlama-7b-hf",
            "",
        ),
    ],
)
def test_how_a_text_ends(tail, model, kind):
    assert ending_of(one(Text(("### Response:\n", *tail))), tokenizer(model)).kind == kind


def test_a_branch_makes_two_texts():
    text = Text(("### Response:\n", SQL, Either((EOS, Known("")), "add_eos")))
    assert [ending_of(pieces, tokenizer()).kind for pieces in alternatives(text)] == ["eos", "none"]


def test_a_text_that_is_cut_loses_its_end():
    whole = Text(("### Response:\n", SQL, EOS))
    assert ending_of(one(Term("text[:100]", "slice", (whole, Known(None), Known(100)))), tokenizer()).kind == "cut off"


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "two eos"),
        ("Qwen/Qwen2.5-7B", "eos"),  # after <|im_end|>, which ends its turn and not its sequence
        ("google/gemma-2-9b-it", "eos"),
        ("meta-llama/Llama-3.1-8B", ""),  # which brings no template
        (None, ""),
    ],
)
def test_an_eos_token_after_a_chat_template(model, kind):
    text = Text((call("apply_chat_template", Term("tokenizer", "symbol"), item("messages")), EOS))
    assert ending_of(one(text), tokenizer(model), text.parts[0]).kind == kind


# -- markers
# ------------------------------------------------------------------------------------------------------------

ALPACA = Text(("### Instruction:\n", QUESTION, "\n\n### Response:\n", SQL, EOS))
INDENTED = Text(("### Instruction:\n    ", QUESTION, "\n\n    ### Response:\n    ", SQL, EOS))


@pytest.mark.parametrize(
    ("text", "marker", "model", "exact", "verdict"),
    [
        # the table of what CodeLlama's tokenizer does, row by row
        (SEED, "### Response:\n", CODELLAMA, True, FOUND),
        (SEED, " ### Response:\n", CODELLAMA, True, FOUND),
        (SEED, "### Response:", CODELLAMA, True, FOUND),
        (SEED, "\n ### Response:\n", CODELLAMA, True, LOST),
        (ALPACA, "### Response:\n", CODELLAMA, True, LOST),
        (ALPACA, "### Response:", CODELLAMA, True, LOST),
        (ALPACA, "\n### Response:\n", CODELLAMA, True, LOST),
        (ALPACA, "### Response:\n", CODELLAMA, False, FOUND),
        # others
        (ALPACA, "### Answer:\n", CODELLAMA, True, MISSING),
        (ALPACA, "### Response:\n", LLAMA_3, True, FOUND),
        (ALPACA, "### Response:", LLAMA_3, True, ""),
        (ALPACA, "### Response:\n", None, True, ""),
        # spaces before a marker
        (INDENTED, " ### Response:\n", CODELLAMA, True, ""),
        (INDENTED, "### Response:\n", CODELLAMA, True, FOUND),
        (INDENTED, " ### Response:\n", QWEN, True, FOUND),
        (INDENTED, "### Response:\n", QWEN, True, ""),
        (INDENTED, " ### Response:\n", family("tiiuae/falcon-11B"), True, ""),
        (INDENTED, " ### Response:\n", None, True, ""),
    ],
)
def test_a_marker_in_a_text(text, marker, model, exact, verdict):
    assert markers_of(one(text), Absent(), Known(marker), model, None, exact).verdict == verdict


@pytest.mark.parametrize(
    ("marker", "turns", "verdict"),
    [
        ("<|im_start|>assistant\n", CHATML, FOUND),
        ("### Response:\n", CHATML, MISSING),
        ("<|im_start|>assistant\n", None, ""),
    ],
)
def test_a_marker_in_a_chat(marker, turns, verdict):
    (pieces,) = chat(item("messages"))
    assert markers_of(pieces, Absent(), Known(marker), QWEN, turns, True).verdict == verdict


# -- cuts
# ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limit", "unit"),
    [
        (Term('ex["schema"][:1000]', "slice", (SCHEMA, Known(None), Known(1000))), 1000, "characters"),
        (call("strip", Term('ex["schema"][:500]', "slice", (SCHEMA, Absent(), Known(500)))), 500, "characters"),
        (Term('textwrap.shorten(ex["schema"], width=800)', "call", (SCHEMA,)), 800, "characters"),
    ],
)
def test_what_a_schema_is_cut_to(value, limit, unit):
    (cut,) = cuts(value)
    assert (cut.limit.value, cut.unit) == (limit, unit)


@pytest.mark.parametrize(
    "fixed", ["Schema:\nCREATE TABLE t (a INT)\n", "Database schema: users with the columns id, name and city\n"]
)
def test_a_schema_that_stands_in_the_template(fixed):
    text = Text(("### Instruction:\nWrite SQL.\n" + fixed + "Question: ", QUESTION, "\n### Response:\n", SQL))
    assert parts_of(one(text), "text").missing == []


def test_a_label_without_a_schema_is_no_schema():
    text = Text(("### Instruction:\nWrite SQL for the schema:\nQuestion: ", QUESTION, "\n### Response:\n", SQL))
    assert parts_of(one(text), "text").missing == ["schema"]


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ("dict(row['turns'][0])", "unknown"),
        ("{**row['turns'][0]}", "unknown"),
        ("{'role': 'user', **row['turns'][0]}", "unknown"),
        ("row['turns'][0]", "unknown"),
        ("{'role': 'user', 'content': 'Be brief.'}", "known"),
        ("{'role': 'user'}", "known"),
    ],
)
def test_a_copy_of_a_turn_of_the_data_may_hold_anything(turn, expected):
    script = (
        "from datasets import load_dataset\nfrom trl import SFTConfig, SFTTrainer\n"
        f"turns = lambda row: {{'prompt': [{turn}], 'completion': [{{'role': 'assistant', 'content': row['sql']}}]}}\n"
        "rows = load_dataset('json', data_files='t.jsonl', split='train').map(turns)\n"
        "SFTTrainer(model='Qwen/Qwen2.5-1.5B-Instruct', args=SFTConfig('o'), train_dataset=rows).train()\n"
    )
    missing = plan_of(script).prompt.missing_parts.value
    assert type(missing).__name__.lower() == expected
    assert expected == "unknown" or "question" in missing.value


def test_where_the_words_of_a_row_come_from_is_no_source_of_what_is_added_to_it():
    rows = 'ROWS = [{"text": "Question: how many?\\nSQL: SELECT 1"}]\nrows = Dataset.from_list(ROWS)\n'
    made = plan_of(rows + 'SFTTrainer(model="Qwen/Qwen2.5-7B", train_dataset=rows, args=SFTConfig("o")).train()\n')
    for fact in (made.prompt.bos, made.prompt.appended):
        assert fact.at is not None and [place.node for place in fact.value.trace] == [fact.at.node]


def test_why_no_bos_token_is_asked_of_preferences():
    rows = 'rows = load_dataset("json", data_files="pairs.jsonl", split="train")\n'
    made = plan_of(rows + 'DPOTrainer(model="google/gemma-2b", train_dataset=rows, args=DPOConfig("o")).train()\n')
    assert made.prompt.bos.why_not == "DPOTrainer does not train on a text and its answer"
