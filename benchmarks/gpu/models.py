"""Model directories of the real sizes with random weights, and data of the real shapes: nothing is downloaded.

    python benchmarks/gpu/models.py codellama-7b FOLDER     # FOLDER/codellama-7b (16 bits) and FOLDER/codellama-7b-4bit
    python benchmarks/gpu/models.py data FOLDER             # three JSONL files with rows of up to 2048 tokens

The tokenizer is that of `fixtures/trainer`: built as CodeLlama's is, with few tokens.
"""

from __future__ import annotations

import json
import random
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from nl2sql_review.gpu_memory.architectures import Architecture, table  # noqa: E402

TINY = Architecture("tiny", 64, 2, 4, 2, 16, 128, 1000, False, True)  # to rehearse without a GPU
FIXTURES = ROOT / "fixtures" / "trainer"
ROWS = {"spider_train.jsonl": 90, "wikisql.jsonl": 70, "sqale.jsonl": 50}


def write(name: str, folder: Path) -> None:
    """The model in 16 bits, and the same in 4 as bitsandbytes stores it; the tokenizer beside both."""
    import torch
    import transformers

    device = "cuda" if torch.cuda.is_available() else "cpu"
    a = table().get(name, TINY)
    config = transformers.LlamaConfig(
        hidden_size=a.hidden, num_hidden_layers=a.layers, num_attention_heads=a.heads, num_key_value_heads=a.kv_heads,
        intermediate_size=a.ffn, vocab_size=a.vocab, tie_word_embeddings=a.tied, head_dim=a.head_dim,
        max_position_embeddings=16384, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    tokenizer = runpy.run_path(str(FIXTURES / "make_model.py"))["make_tokenizer"]()
    whole, quantised = folder / name, folder / f"{name}-4bit"
    model.save_pretrained(whole)
    tokenizer.save_pretrained(whole)
    del model
    bits = transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(
        whole, quantization_config=bits, dtype=torch.bfloat16, device_map={"": device}
    )
    model.save_pretrained(quantised)
    tokenizer.save_pretrained(quantised)


def write_data(folder: Path) -> None:
    """Rows in the shapes of Spider, WikiSQL and SQaLe as `fixtures/trainer` has them, with longer queries."""
    made = runpy.run_path(str(FIXTURES / "make_data.py"))
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {"spider_train.jsonl": "spider", "wikisql.jsonl": "wikisql", "sqale.jsonl": "sqale"}
    for name, rows in ROWS.items():
        chance = random.Random(name)
        lines = []
        for _ in range(rows):
            row = made[shapes[name]](chance)
            column = "query" if "query" in row else "sql"
            row[column] = " UNION ALL ".join(made["pair"](chance)[2] for _ in range(chance.randint(1, 60)))
            lines.append(json.dumps(row) + "\n")
        (folder / name).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    what, place = sys.argv[1], Path(sys.argv[2])
    write_data(place) if what == "data" else write(what, place)
