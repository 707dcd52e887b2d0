"""Ask the fine-tuned model: the prompt it was trained on without the answer, and what it generates up to EOS.

    python generate_sql.py "How many singers are there?" --schema "CREATE TABLE singer (name TEXT, age INTEGER)"
    echo '{"question": "...", "schema": "..."}' | python generate_sql.py --jsonl -

Exits with 1 when EOS never comes.
"""

from unsloth import FastLanguageModel  # noqa: I001  first: it patches transformers

import argparse
import json
import os
import sys

import torch
from evaluate_sql import MAX_NEW_TOKENS, is_object
from train_unsloth_complete import MAX_LENGTH, OUTPUT_DIR, PROMPT, normalise


def read_questions(path):
    """The rows of a JSONL file; "-" is standard input."""
    try:
        with sys.stdin if path == "-" else open(path, encoding="utf-8") as file:
            lines = {number: line for number, line in enumerate(file, 1) if line.strip()}
    except (OSError, UnicodeDecodeError) as problem:
        sys.exit(f"{path}: {problem}")
    for number, line in lines.items():
        if not is_object(line):
            sys.exit(f"{path}: line {number} is no JSON object: {line[:60]!r}")
    return [json.loads(line) for line in lines.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("question", nargs="?", default="", help="one question, in words")
    parser.add_argument("--schema", default="", help="of the question: CREATE TABLE statements")
    asked.add_argument("--jsonl", help="a file of questions with their schemas, - for standard input")
    parser.add_argument("--model", default=OUTPUT_DIR, help="the adapter's folder, or a checkpoint")
    parser.add_argument("--no-4bit", dest="load_in_4bit", action="store_false", help="base model in 16 bit")
    args = parser.parse_args()
    given = read_questions(args.jsonl) if args.jsonl else [{"question": args.question, "schema": args.schema}]
    rows = [normalise(row) for row in given]
    if not rows or not all(row["question"] for row in rows):
        sys.exit("a question is needed in every row")
    if not os.path.isfile(os.path.join(args.model, "adapter_config.json")):
        sys.exit(f"{args.model}: no adapter is there; train_unsloth_complete.py writes one")

    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=args.model, max_seq_length=MAX_LENGTH, load_in_4bit=args.load_in_4bit
    )
    FastLanguageModel.for_inference(model)
    stopped = 0
    for row in rows:
        tokens = tokenizer(PROMPT.format(**row), return_tensors="pt").to(model.device)
        with torch.no_grad():
            output = model.generate(
                **tokens, max_new_tokens=MAX_NEW_TOKENS, do_sample=False, pad_token_id=tokenizer.eos_token_id
            )
        answer = output[0, tokens["input_ids"].shape[1] :].tolist()
        at_eos = tokenizer.eos_token_id in answer
        stopped += at_eos
        print(tokenizer.decode(answer, skip_special_tokens=True).strip())
        ending = "stopped at EOS" if at_eos else "cut off: EOS never came"
        print(f"-- {len(answer)} tokens, {ending}", file=sys.stderr)
    return 0 if stopped == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
