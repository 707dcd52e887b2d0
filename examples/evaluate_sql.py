"""What an adapter is worth: it answers questions in batches, with the prompt of the training, and its SQL is run.

    python evaluate_sql.py dev.jsonl --db databases        # rows with question, schema, SQL and db_id
    python evaluate_sql.py dev.jsonl                       # without databases: what SQLite accepts on the schema
    python evaluate_sql.py dev.jsonl --db databases --model codellama/CodeLlama-7b-hf --output base.jsonl

The predictions are written to a file. Whether the adapter is better than the base model, and by how much, says
`nl2sql-review evaluate predictions.jsonl --gold dev.jsonl --db databases --against base.jsonl`.
The training script does the same at each save: --evaluate databases.
"""

import argparse
import json
import logging
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

BATCH_SIZE = 16  # prompts answered at a time


def command_line():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", help="JSONL: question, schema and SQL under any of the names that the training reads")
    parser.add_argument("--db", help="folder of databases, <db_id>/<db_id>.sqlite")
    parser.add_argument(
        "--model", help="the adapter's folder, a checkpoint, or a base model (default: what was trained)"
    )
    parser.add_argument("--output", default="predictions.jsonl", help="the answers go there (default %(default)s)")
    parser.add_argument(
        "--batch-size", type=int, default=BATCH_SIZE, help="prompts answered at a time (default %(default)s)"
    )
    parser.add_argument("--no-4bit", dest="load_in_4bit", action="store_false", help="base model in 16 bit")
    return parser.parse_args()


ARGS = command_line() if __name__ == "__main__" else None  # --help need not wait for what is imported now

from unsloth import FastLanguageModel  # noqa: E402,I001  first: it patches transformers

import torch  # noqa: E402
import wandb  # noqa: E402
from accelerate.utils import gather_object  # noqa: E402
from transformers import TrainerCallback  # noqa: E402

from nl2sql_review.rows.scoring.evaluate import Asked, evaluate  # noqa: E402
from nl2sql_review.rows.scoring.inputs import InputError  # noqa: E402

logger = logging.getLogger("nl2sql")

MAX_NEW_TOKENS = 256  # longer than any query of the training data; who needs more does not stop by itself
ROWS = 200  # of the held-out ones, answered at each save: a minute's work
METRIC = "eval_sql_accuracy"


def answer(model, tokenizer, prompts, batch_size=BATCH_SIZE):
    """Each prompt's SQL up to EOS, and whether EOS came. Prompts of like length share a batch, padded on the left."""
    found, side = {}, tokenizer.padding_side
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    tokenizer.padding_side = "left"
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        tokens = tokenizer([prompts[place] for place in places], return_tensors="pt", padding=True).to(model.device)
        with torch.no_grad():
            output = model.generate(
                **tokens, max_new_tokens=MAX_NEW_TOKENS, do_sample=False,
                eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        for place, made in zip(places, output[:, tokens["input_ids"].shape[1] :].tolist()):
            ended = tokenizer.eos_token_id in made
            made = made[: made.index(tokenizer.eos_token_id)] if ended else made
            text = tokenizer.decode(made, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            found[place] = (text.strip(), ended)  # cleaning up would take spaces out of the SQL
    tokenizer.padding_side = side
    return [found[place] for place in range(len(prompts))]


def is_object(text):
    """Whether a text is one JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def write(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def score(gold, answers, databases=None, output=None):
    """The scores of `answers` to the rows of `gold`: execution accuracy by `databases`, else schema-valid rate."""
    with TemporaryDirectory() as folder:
        output = output or os.path.join(folder, "predictions.jsonl")
        write(output, ({"id": str(n), "predicted": sql, "stopped": ended} for n, (sql, ended) in enumerate(answers)))
        write(os.path.join(folder, "gold.jsonl"), ({**row, "id": str(n)} for n, row in enumerate(gold)))
        return evaluate(Asked(str(output), os.path.join(folder, "gold.jsonl"), databases=databases))


class SQLAccuracy(TrainerCallback):
    """At each evaluation the model answers held-out questions; how many it gets right decides which checkpoint is kept.

    With a folder of databases `databases/<db_id>/<db_id>.sqlite` right is what returns the rows of the gold SQL;
    without ("schemas") what SQLite accepts on the schema of the prompt. The share stands in the log beside the loss,
    in Weights & Biases, and as `eval_sql_accuracy` among the metrics. The processes of a run share the questions.
    """

    def __init__(self, held_out, databases="schemas"):
        self.databases = None if databases == "schemas" else databases
        rows = [row for row in held_out if not self.databases or self.has_database(row["db_id"])]
        if not rows:
            raise ValueError(f"{databases}: of the {len(held_out)} held-out rows none has its database there")
        self.rows = rows[:: -(-len(rows) // ROWS)]  # evenly, so that every data set has its share
        logger.info("--evaluate: %d of %d held-out rows, by %s", len(self.rows), len(held_out), databases)

    def has_database(self, name):
        return any(Path(self.databases, name).glob("*.sqlite"))

    def on_evaluate(self, args, state, control, model, processing_class, metrics, **kwargs):
        mine = self.rows[args.process_index :: args.world_size]
        FastLanguageModel.for_inference(model)
        try:
            given = answer(model, processing_class, [row["prompt"] for row in mine], args.per_device_eval_batch_size)
        finally:
            FastLanguageModel.for_training(model)
        numbered = gather_object(list(zip(range(args.process_index, len(self.rows), args.world_size), given)))
        answers = [found for _, found in sorted(numbered)]
        eos = processing_class.eos_token
        gold = [
            {"prompt": row["prompt"], "sql": row["completion"].removesuffix(eos), "db_id": row["db_id"]}
            for row in self.rows
        ]
        output = (
            Path(args.output_dir, f"predictions-{state.global_step}.jsonl") if state.is_world_process_zero else None
        )
        scored = score(gold, answers, self.databases, output)
        figures = {
            METRIC: scored.execution_accuracy if self.databases else scored.schema_valid_rate,
            "eval_schema_valid_rate": scored.schema_valid_rate,
            "eval_stopped_at_eos": sum(ended for _, ended in answers) / len(answers),
        }
        metrics.update(figures)  # the trainer picks the best checkpoint by these
        state.log_history.append({**figures, "step": state.global_step})
        logger.info("step %d: %s, loss %s", state.global_step, told(scored), metrics.get("eval_loss"))
        if wandb.run:
            wandb.log({f"eval/{name.removeprefix('eval_')}": value for name, value in figures.items()})


def told(scored):
    """One line: the accuracy with its interval, and what became of the others."""
    low, high = scored.accuracy_interval or scored.valid_interval or (0, 0)
    name, figure = "execution accuracy", scored.execution_accuracy
    if not scored.databases:
        name, figure = "accepted on its schema", scored.schema_valid_rate
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in scored.outcomes.items() if number)
    return f"{name} {figure or 0:.1%} ({low:.1%} to {high:.1%}): {outcomes}"


def main(args):
    from generate_sql import read_questions
    from train_unsloth_complete import MAX_LENGTH, OUTPUT_DIR, PROMPT, normalise

    args.model = args.model or OUTPUT_DIR
    if args.db and not os.path.isdir(args.db):
        sys.exit(f"{args.db}: no such folder of databases")
    if os.path.isdir(args.model) and not {"adapter_config.json", "config.json"} & set(os.listdir(args.model)):
        sys.exit(f"{args.model}: no adapter and no model is there; an unfinished training has them in its checkpoints")
    rows = [normalise(row) for row in read_questions(args.gold)]
    if not rows or not all(row["question"] and row["sql"] for row in rows):
        sys.exit(f"{args.gold}: a question and its SQL are needed in every row")
    try:
        model, tokenizer = FastLanguageModel.from_pretrained(
            model_name=args.model, max_seq_length=MAX_LENGTH, load_in_4bit=args.load_in_4bit
        )
    except (OSError, ValueError) as problem:
        sys.exit(f"{args.model}: {problem}")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    FastLanguageModel.for_inference(model)
    prompts = [PROMPT.format(**row) for row in rows]
    answers = answer(model, tokenizer, prompts, args.batch_size)
    try:
        scored = score([{**row, "prompt": prompt} for row, prompt in zip(rows, prompts)], answers, args.db, args.output)
    except InputError as problem:
        sys.exit(str(problem))
    print(told(scored))
    print(f"{sum(ended for _, ended in answers)} of {len(rows)} stopped at EOS; the answers are in {args.output}")


if __name__ == "__main__":
    main(ARGS)
