# expect: known 64
import project
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=project.config.R)
