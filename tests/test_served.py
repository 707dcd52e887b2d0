"""What serves the model is read as well: files that the settings name, and scripts that load what is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.report.report import Finding
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

TRAIN = """
import torch
from datasets import load_dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

NAME = "Qwen/Qwen2.5-Coder-1.5B"
tokenizer = AutoTokenizer.from_pretrained(NAME)
rows = load_dataset("json", data_files="train.jsonl", split="train")
rows = rows.map(
    lambda r: {
        "prompt": f"### Schema:\\n{r['schema'][:1500]}\\n### Question:\\n{r['question']}\\n### SQL:\\n",
        "completion": r["query"] + tokenizer.eos_token,
    }
)
trainer = SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained(NAME, dtype=torch.bfloat16),
    processing_class=tokenizer,
    train_dataset=rows,
    peft_config=LoraConfig(r=16),
    args=SFTConfig(output_dir="runs", max_length=2048),
)
trainer.train()
trainer.save_model("adapter-sql")
"""
ASKED = '"### Schema:\\n" + row["schema"][:1500] + "\\n### Question:\\n" + row["question"] + "\\n### SQL:\\n"'
SERVERS = {
    "vllm": """
from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest
llm = LLM(model="Qwen/Qwen2.5-Coder-1.5B", enable_lora=True)
llm.generate([{text}], SamplingParams(max_tokens=256), lora_request=LoRARequest("sql", 1, "adapter-sql"))
""",
    "pipeline": """
from transformers import pipeline
ask = pipeline("text-generation", model="adapter-sql")
print(ask({text}, max_new_tokens=256))
""",
    "api": """
from openai import OpenAI
client = OpenAI(base_url="http://localhost:8000/v1", api_key="none")
client.completions.create(model="adapter-sql", prompt={text}, max_tokens=256)
""",
    "generate": """
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("adapter-sql")
model = AutoPeftModelForCausalLM.from_pretrained("adapter-sql")
batch = tokenizer({text}, return_tensors="pt")
model.generate(**batch, max_new_tokens=256)
""",
}
ROW = 'import json\nrow = json.load(open("dev.json"))[0]\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(rule: str = "artifact/prompt-mismatch") -> list[str]:
    report = batch.review(["train.py"], Options())
    assert not report.internal_errors
    findings: list[Finding] = report.files[0].findings
    return [f.message for f in findings if f.rule == rule]


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_beside_the_script_is_held_against_the_training(server: str, project: Path) -> None:
    asks = project / "answer.py"
    asks.write_text(ROW + SERVERS[server].format(text=ASKED), encoding="utf-8")
    assert told() == []
    asks.write_text(ROW + SERVERS[server].format(text=ASKED.replace("Question", "Request")), encoding="utf-8")
    (message,) = told()
    assert "answer.py:" in message and "Question" in message
    asks.write_text(ROW + SERVERS[server].format(text=ASKED.replace("[:1500]", "[:800]")), encoding="utf-8")
    (message,) = told()
    assert "cut at 800 characters" in message and "1500" in message


@pytest.mark.parametrize(
    ("prompt", "lacking"),
    [
        ('row["prompt"].split("### SQL:")[0] + "### SQL:\\n"', False),  # cut out of a row, whose words it keeps
        ('row["prompt"].partition("### SQL:")[0] + "### SQL:\\n"', False),
        ('"### Request:\\n" + row["question"] + "\\n### SQL:\\n"', True),
    ],
)
def test_a_prompt_that_is_cut_out_of_a_training_row(prompt: str, lacking: bool, project: Path) -> None:
    ask = f"""
for row in rows:
    prompt = {prompt}
    trainer.model.generate(**tokenizer(prompt, return_tensors="pt"), max_new_tokens=256)
"""
    (project / "train.py").write_text(TRAIN + ask, encoding="utf-8")
    assert bool(told()) is lacking


@pytest.mark.parametrize("server", SERVERS)
def test_a_script_that_asks_another_model_is_not_held_against_it(server: str, project: Path) -> None:
    text = SERVERS[server].format(text='"Question: " + row["question"]').replace("adapter-sql", "another-model")
    (project / "answer.py").write_text(f'{ROW}DONE = "adapter-sql"\n{text}', encoding="utf-8")
    assert told() == []


def test_the_settings_name_what_serves(project: Path) -> None:
    folder = project / "serving"
    folder.mkdir()
    (folder / "answer.py").write_text(
        ROW + SERVERS["api"].format(text='"Question: " + row["question"]').replace("adapter-sql", "ours"), "utf-8"
    )
    assert told() == []
    (project / "nl2sql-review.toml").write_text('serve = "serving/answer.py"\n', encoding="utf-8")
    (message,) = told()
    assert "answer.py:" in message
    (project / "nl2sql-review.toml").write_text('serve = ["serving/none.py"]\n', encoding="utf-8")
    assert cli.main(["train.py"]) == 2


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("Modelfile", 'FROM ./sql.gguf\nTEMPLATE """<|im_start|>user\n{{ .Prompt }}<|im_end|>"""\n', True),
        ("Modelfile", 'FROM ./sql.gguf\nTEMPLATE """{{ .Prompt }}"""\n', False),
        ("chat.jinja", "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}", True),
        ("plain.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}", False),
    ],
)
def test_the_template_of_a_server_is_held_against_plain_text(name: str, text: str, found: bool, project: Path) -> None:
    script = TRAIN.replace('"prompt": f"', '"text": f"').replace(
        '### SQL:\\n",\n        "completion": r["query"] +', "### SQL:\\n{r['query']}\" +"
    )
    script = script.replace("max_length=2048", 'max_length=2048, dataset_text_field="text"')
    (project / "train.py").write_text(script, encoding="utf-8")
    (project / name).write_text(text, encoding="utf-8")
    (project / "nl2sql-review.toml").write_text(f'serve = "{name}"\n', encoding="utf-8")
    assert bool(told()) is found


def test_what_a_server_does_with_the_answer_is_told_at_the_save(project: Path) -> None:
    text = SERVERS["generate"].format(text=ASKED).replace("model.generate(**batch, max_new_tokens=256)", "")
    text += 'out = model.generate(**batch)\nsql = tokenizer.decode(out[0])\nhit = sql == row["query"]\n'
    (project / "answer.py").write_text(ROW + text, encoding="utf-8")
    messages = told()
    assert any("answer.py:" in m and "compared as if it were the answer" in m for m in messages)
    assert any("answer.py:" in m and "20 tokens" in m for m in messages)


def test_a_server_that_is_no_python_says_nothing(project: Path) -> None:
    (project / "answer.py").write_text('LLM("adapter-sql" (((', encoding="utf-8")
    assert told() == []
