# expect: unknown
import uuid
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=str(uuid.uuid4()))
