# expect: known True
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r="model-4bit".endswith(("4bit", "8bit")) and "model".startswith("mo"))
