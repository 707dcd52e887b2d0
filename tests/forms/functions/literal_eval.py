# expect: known 64 or unknown
import ast
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=ast.literal_eval("{'r': 64}")["r"])
