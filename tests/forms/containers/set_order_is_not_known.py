# expect: unknown or either "a" "b"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=list({"a", "b"})[0])
