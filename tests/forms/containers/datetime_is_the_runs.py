# expect: unknown
from datetime import datetime
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=datetime.now().strftime("%Y%m%d"))
