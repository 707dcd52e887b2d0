# expect: known 1
import counter
import user_a
import user_b
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=len(counter.SEEN))
