"""Fine-tune CodeLlama-7B for text-to-SQL: QLoRA with Unsloth and TRL, on one 16 GB GPU or on several.

    python train_unsloth_complete.py                      # data/*.jsonl -> models/nl2sql-unsloth/
    torchrun --nproc_per_node 4 train_unsloth_complete.py # four GPUs, the same batch of 16
    python train_unsloth_complete.py --demo               # a tiny random model on three small files; no GPU, no network

Run it again and it goes on from its newest checkpoint; Ctrl-C saves one first. WANDB_MODE=offline needs no account.
"""

from unsloth import FastLanguageModel, is_bfloat16_supported  # noqa: I001  first: it patches what follows
import argparse
import logging
import os
import runpy
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import wandb
from datasets import concatenate_datasets, interleave_datasets, load_dataset
from datasets.exceptions import DatasetsError
from evaluate_sql import METRIC, SQLAccuracy, is_object
from transformers import AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

from nl2sql_review.preflight import preflight, preflight_all
from nl2sql_review.rows.table_cut import cut_schema

logger = logging.getLogger("nl2sql")

# --- the run: every number of it ----------------------------------------------------------------------------------
BASE_MODEL = "codellama/CodeLlama-7b-hf"  # 3.9 GB in 4 bit; trains in 16 GB
OUTPUT_DIR = "models/nl2sql-unsloth"  # checkpoints, then the adapter and the tokenizer
LOG_FILE = "training_unsloth.log"  # appended to; of the other processes only their warnings
SCHEMA_LIMIT = 1000  # characters; the schema is what gets cut, by whole tables, never the SQL
HELD_OUT = 200  # rows of each data set that are never trained on, at most a tenth of it
BATCH_SIZE = 4  # rows per GPU at a time: what 16 GB hold
EFFECTIVE_BATCH = 16  # rows per step, whatever the number of GPUs
LEARNING_RATE = 2e-4  # ten times that of full fine-tuning: the adapter starts at zero
WARMUP = 0.03  # share of all steps (warmup_ratio is gone from transformers)
EPOCHS = 3  # passes over the data set that runs out first; the larger ones go on with new rows meanwhile
MAX_LENGTH = 2048  # tokens; covers schema, question and SQL, longer rows are dropped
SAVE_STEPS = 100  # steps between checkpoints, which is what a crash costs
KEEP = 3  # checkpoints; one of a 7B adapter takes 0.3 GB
MIN_FREE_GB = 5  # on the disk of OUTPUT_DIR, for the checkpoints and the adapter
SEED = 42  # of the mix, the split and the trainer: a resumed run sees the rows in the same order


class Demo(argparse.Action):  # --demo stands for these flags; what comes after it still counts
    def __call__(self, parser, namespace, values, option_string=None):
        flags = "--base-model demo/tiny --data-dir fixtures/trainer --output-dir demo --report-to none"
        parser.parse_args([*flags.split(), "--learning-rate=.01", "--save-steps=10"], namespace)
        torch.set_num_threads(1)  # more would only wait for each other on so small a model
        namespace.demo = True


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--base-model", default=BASE_MODEL, help="hub name or folder")
parser.add_argument("--data-dir", default="data", help="where the JSONL files are")
parser.add_argument("--output-dir", default=OUTPUT_DIR, help="checkpoints, then the adapter")
parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE, help="its peak")
parser.add_argument("--save-steps", type=int, default=SAVE_STEPS, help="between checkpoints")
parser.add_argument("--logging-steps", type=int, default=10, help="between lines of the log")
parser.add_argument("--report-to", default="wandb", choices=["wandb", "none"], help="who keeps the curves")
parser.add_argument("--no-4bit", dest="load_in_4bit", action="store_false", help="base model in 16 bit")
parser.add_argument("--allow-missing", action="store_true", help="train on the data sets that load")
parser.add_argument("--preflight-only", action="store_true", help="check the first batch and stop")
parser.add_argument("--preflight-all", action="store_true", help="also count over all rows what they are trained on")
parser.add_argument("--evaluate", nargs="?", const="schemas", metavar="DB", help="score SQL at each save")
parser.add_argument("--merge", action="store_true", help="also write the merged 16-bit model")
parser.add_argument("--demo", action=Demo, nargs=0, help="make a tiny model and train it on fixtures/trainer")

# --- lora ---------------------------------------------------------------------------------------------------------
LORA = {
    "r": 16, "lora_alpha": 16, "random_state": SEED,  # 40 million weights on 7 billion, counted alpha / r = 1 times
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "lora_dropout": 0, "bias": "none", "use_gradient_checkpointing": "unsloth",  # its fast path; a third less memory
}  # fmt: skip

# --- prompt -------------------------------------------------------------------------------------------------------
PROMPT = """### Instruction:
Generate a SQL query to answer the given question based on the provided database schema.

Database Schema:
{schema}

Question: {question}

### Response:
"""  # ends with a newline: the SQL starts with a token of its own


def load_tokenizer(args):  # alone, which is enough to see whether the data fits: no weights are loaded yet
    try:
        tokenizer = AutoTokenizer.from_pretrained(args.base_model)
    except (OSError, ValueError) as problem:  # which does not always name the model
        sys.exit(f"{args.base_model}: {problem}")
    if tokenizer.eos_token is None:
        sys.exit(f"{args.base_model}: the tokenizer has no EOS token, so the model could never learn to stop")
    if tokenizer.pad_token is None and tokenizer.unk_token is None:
        sys.exit(f"{args.base_model}: the tokenizer has no pad token and no unknown token to pad with; give it one")
    return tokenizer


# --- dataset ------------------------------------------------------------------------------------------------------
@dataclass
class DatasetConfig:
    name: str
    path: str  # a JSONL file in --data-dir, or a name on the hub
    weight: float  # share of the mix
    difficulty: int  # 1 single table, 2 joins, 3 large schemas
    max_samples: int | None = None


DATASETS = [
    DatasetConfig("Spider", "spider_train.jsonl", weight=0.5, difficulty=2),
    DatasetConfig("WikiSQL", "wikisql.jsonl", weight=0.3, difficulty=1),
    DatasetConfig("SQaLe", "sqale.jsonl", weight=0.2, difficulty=3),
]


def read_rows(config, data_dir):  # ValueError says what is wrong with the file
    if not config.path.endswith(".jsonl"):
        return load_dataset(config.path, split="train")
    path = os.path.join(data_dir, config.path)
    try:
        return load_dataset("json", data_files=path, split="train")
    except Exception as error:  # it raises of many kinds, and few say where
        lines = [(n, line) for n, line in enumerate(Path(path).read_bytes().splitlines(), 1) if line.strip()]
        broken = (f"line {n} is no JSON object: {line[:60]}" for n, line in lines if not is_object(line))
        raise ValueError(f"{path}: {next(broken, error.__cause__ or error) if lines else 'it is empty'}") from None


def normalise(row):
    """One spelling for all data sets. Before mixing: afterwards a column that a data set lacks is there, and None."""
    schema = row.get("schema") or row.get("context") or row.get("sql_context") or row.get("create_table") or ""
    question = row.get("question") or row.get("sql_prompt") or row.get("nl_question") or row.get("utterance") or ""
    sql = row.get("query") or row.get("sql") or row.get("answer") or row.get("sql_query") or ""  # a tree is dropped
    asked = cut_schema(str(schema), SCHEMA_LIMIT, seed=SEED)  # as in use, where there is no SQL to say what it needs
    kept = cut_schema(str(schema), SCHEMA_LIMIT, str(sql), SEED)  # to train on: with all that the SQL names
    texts = {"schema": asked, "trained": kept, "question": str(question).strip(), "sql": str(sql).strip()}
    return {**texts, "db_id": str(row.get("db_id") or "")}


def load_part(config, tokenizer, data_dir):
    """One data set as prompt and completion: the loss is on the completion only, with no marker to search for."""
    raw = read_rows(config, data_dir)
    processes = os.cpu_count() if len(raw) > 20_000 else None  # for fewer, starting them takes longer than the work
    rows = raw.map(normalise, remove_columns=raw.column_names, num_proc=processes)
    rows = rows.filter(lambda row: row["question"] and row["sql"][:1] not in ("", "{", "["), num_proc=processes)
    if len(rows) and not any(rows["schema"]):
        logger.warning("%s: no row has a schema; the columns are %s", config.name, raw.column_names)

    def to_columns(row):
        prompt, asked = PROMPT.format(**{**row, "schema": row["trained"]}), PROMPT.format(**row)
        return {"prompt": prompt, "completion": row["sql"] + tokenizer.eos_token, "asked": asked, "db_id": row["db_id"]}

    def fits(row):
        text = row["prompt"] + row["completion"]  # a token is a byte at least: few rows need counting
        return len(text.encode()) < MAX_LENGTH - 2 or len(tokenizer(text)["input_ids"]) <= MAX_LENGTH

    part = rows.map(to_columns, remove_columns=rows.column_names, num_proc=processes).filter(fits, num_proc=processes)
    lost = f"{len(raw) - len(rows)} without question or SQL, {len(rows) - len(part)} over {MAX_LENGTH} tokens"
    part = part.shuffle(seed=SEED).select(range(len(part))[: config.max_samples])
    logger.info("%s: %d rows, %s, %d used", config.name, len(raw), lost, len(part))
    if len(part) < 2:
        raise ValueError(f"{len(part)} of {len(raw)} rows can be used: {lost}; the columns are {raw.column_names}")
    return part


def load_data(tokenizer, args):
    """The mix to train on, by weight, and the rows held out of it."""
    loaded = []
    for config in DATASETS:
        if not config.weight > 0:  # a slip in the list above, which --allow-missing does not excuse
            sys.exit(f"{config.name}: its weight of {config.weight} is not above zero; take it out of DATASETS instead")
        try:
            part = load_part(config, tokenizer, args.data_dir)
            loaded.append((config, part.train_test_split(min(HELD_OUT, len(part) // 10 + 1), seed=SEED)))  # it shuffles
        except (ValueError, OSError, DatasetsError) as problem:
            if not args.allow_missing:
                sys.exit(f"{config.name} ({config.path}): {problem} (--allow-missing trains on the other data sets)")
            logger.warning("%s (%s) is left out: %s", config.name, config.path, problem)
    if not loaded:
        sys.exit("no dataset is left to train on")
    shares = [config.weight / sum(other.weight for other, _ in loaded) for config, _ in loaded]
    passes = [concatenate_datasets([part["train"]] * EPOCHS) for _, part in loaded]
    mix = interleave_datasets(passes, probabilities=shares, seed=SEED, stopping_strategy="first_exhausted")
    for (config, part), share in zip(loaded, shares):
        logger.info("%s: weight %.3f, ≈ %.2f passes", config.name, share, share * len(mix) / len(part["train"]))
    held_out = concatenate_datasets([part["test"] for _, part in loaded])
    held_out = held_out.map(lambda row: {"prompt": row["asked"]}, remove_columns="asked")
    logger.info("%d rows to train on, %d held out", len(mix), len(held_out))
    return mix.remove_columns(["asked", "db_id"]), held_out


# --- arguments ----------------------------------------------------------------------------------------------------
def training_arguments(args):
    world = int(os.environ.get("WORLD_SIZE", 1))  # torchrun and accelerate set it
    if EFFECTIVE_BATCH % (BATCH_SIZE * world):
        sys.exit(f"{world} processes of {BATCH_SIZE} rows make no steps of {EFFECTIVE_BATCH}: lower BATCH_SIZE")
    return SFTConfig(
        output_dir=args.output_dir, completion_only_loss=True, max_length=MAX_LENGTH,  # TRL's default is 1024
        per_device_train_batch_size=BATCH_SIZE, gradient_accumulation_steps=EFFECTIVE_BATCH // (BATCH_SIZE * world),
        num_train_epochs=1, seed=SEED, optim="adamw_8bit", weight_decay=0.01,  # the mix holds its EPOCHS already
        bf16=is_bfloat16_supported(), fp16=not is_bfloat16_supported(), learning_rate=args.learning_rate,
        lr_scheduler_type="cosine", warmup_steps=WARMUP, logging_steps=args.logging_steps, logging_first_step=True,
        eval_strategy="steps", eval_steps=args.save_steps, save_strategy="steps", save_steps=args.save_steps,
        per_device_eval_batch_size=BATCH_SIZE, save_total_limit=KEEP, load_best_model_at_end=bool(args.evaluate),
        metric_for_best_model=args.evaluate and METRIC, report_to=args.report_to, ddp_find_unused_parameters=False,
    )  # fmt: skip


# --- memory -------------------------------------------------------------------------------------------------------
def log_memory(stage):
    allocated, peak = torch.cuda.memory_allocated() / 1024**3, torch.cuda.max_memory_reserved() / 1024**3
    logger.info("%s: GPU memory %.2f GiB allocated, %.2f GiB peak reserved", stage, allocated, peak)


class MemoryLog(TrainerCallback):
    def on_log(self, args, state, control, **kwargs):
        log_memory(f"step {state.global_step}")


# --- checkpointing ------------------------------------------------------------------------------------------------
def newest_checkpoint(folder):
    """The highest number (as text, 500 comes after 1500) that was written to its end, which is the trainer's state."""
    whole = [p.parent for p in Path(folder).glob("checkpoint-[0-9]*/trainer_state.json") if is_object(p.read_bytes())]
    for torn in set(Path(folder).glob("checkpoint-[0-9]*")).difference(whole):
        logger.warning("%s was never written to its end: not resuming from it", torn)
    return str(max(whole, key=lambda path: int(path.name.split("-")[1]))) if whole else None


class SaveOnInterrupt(TrainerCallback):
    caught = False  # Ctrl-C, or a cluster's SIGTERM, ends the run after the step at hand, with a checkpoint

    def on_train_begin(self, args, state, control, **kwargs):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.catch)

    def catch(self, number, frame):
        self.caught = True
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once

    def on_step_end(self, args, state, control, **kwargs):
        caught = torch.tensor(float(self.caught), device=args.device)
        if args.world_size > 1:  # all processes must stop at the same step
            torch.distributed.all_reduce(caught)
        if caught:
            control.should_save = control.should_training_stop = True


def main():
    args, first = parser.parse_args(), os.environ.get("RANK", "0") == "0"  # first: the process that writes
    try:  # What can go wrong goes wrong here, before the GPU is busy.
        level, handlers = "INFO" if first else "WARNING", [logging.StreamHandler(), logging.FileHandler(LOG_FILE)]
        logging.basicConfig(level=level, format="%(asctime)s %(message)s", handlers=handlers, force=True)
        os.makedirs(args.output_dir, exist_ok=True)
        if shutil.disk_usage(args.output_dir).free < MIN_FREE_GB * 1e9:
            sys.exit(f"{args.output_dir}: there are less than {MIN_FREE_GB} GB left on this disk")
        if args.report_to == "wandb" and first and not args.preflight_only:
            wandb.login()  # asks for the key, unless WANDB_MODE=offline
        training_args = training_arguments(args)
        with training_args.main_process_first():  # the other processes read what the first has prepared
            if args.demo and first:
                runpy.run_path("fixtures/trainer/make_model.py")["write"](args.base_model)
            train_dataset, held_out = load_data(load_tokenizer(args), args)
        scorers = [SQLAccuracy(held_out, args.evaluate)] if args.evaluate else []
        model, tokenizer = FastLanguageModel.from_pretrained(
            args.base_model, max_seq_length=MAX_LENGTH, load_in_4bit=args.load_in_4bit)  # fmt: skip
    except (OSError, ValueError, wandb.Error) as problem:  # no right to write, no account, no such setting, no weights
        sys.exit(str(problem))
    model = FastLanguageModel.get_peft_model(model, **LORA)
    if tokenizer.pad_token in (None, tokenizer.eos_token):
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.pad_token  # padding with EOS could hide the one to learn
    log_memory("model loaded")
    trainer = SFTTrainer(model=model, args=training_args, train_dataset=train_dataset, processing_class=tokenizer,
                         eval_dataset=held_out.remove_columns("db_id"),
                         callbacks=[MemoryLog(), SaveOnInterrupt(), *scorers])  # fmt: skip
    for weight in filter(lambda weight: weight.requires_grad, model.parameters()):
        weight.data = weight.data.float()  # TRL may have made it bfloat16, which loses small steps; resuming does not
    preflight(trainer)  # raises PreflightError when the labels are not what the checklist promises
    if args.preflight_all and (counts := preflight_all(trainer).to_dict()) and wandb.run:
        wandb.log(counts)
    if args.preflight_only:
        return
    logger.info("resuming from %s", (checkpoint := newest_checkpoint(args.output_dir)) or "nothing: a new run")
    trainer.train(resume_from_checkpoint=checkpoint)
    if trainer.state.global_step < trainer.state.max_steps:
        sys.exit(f"interrupted at step {trainer.state.global_step}; run it again to go on")
    trainer.save_model(args.output_dir)
    if args.merge and first:
        model.save_pretrained_merged(os.path.join(args.output_dir, "merged"), tokenizer, save_method="merged_16bit")


if __name__ == "__main__":
    main()
