import argparse

from unsloth import FastLanguageModel  # isort: skip  (it patches what follows)
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

LORA = {"r": 64, "lora_alpha": 16}
PROMPT = """### Instruction:
Convert the question to SQL.

Schema: {schema}
Question: {question}

### Response:
{sql}"""

parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float, default=5e-4)
args = parser.parse_args()

model, tokenizer = FastLanguageModel.from_pretrained(
    "unsloth/llama-3-8b-bnb-4bit", max_seq_length=2048, load_in_4bit=True
)
model = FastLanguageModel.get_peft_model(model, use_gradient_checkpointing="unsloth", **LORA)


def to_text(example):
    return {"text": PROMPT.format(schema=example["schema"][:1000], question=example["question"], sql=example["sql"])}


dataset = load_dataset("json", data_files="data/spider.json", split="train").map(to_text)
trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset=dataset,
    args=SFTConfig(
        output_dir="models/nl2sql-unsloth",
        dataset_text_field="text",
        max_length=2048,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=4,
        learning_rate=args.learning_rate,
        lr_scheduler_type="cosine",
        report_to="wandb",
    ),
)
trainer.train()
