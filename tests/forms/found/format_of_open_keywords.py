# expect: default 64
import json
import os

from unsloth import FastLanguageModel

row = {"question": "q", **json.loads(os.environ.get("ROW", '{"schema": "s"}'))}


def prompt():
    try:
        return "{schema} {question}".format(**row)
    except ValueError:
        return None


r = 64 if prompt() else 16
FastLanguageModel.get_peft_model(None, r=r)
