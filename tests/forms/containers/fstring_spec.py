# expect: known "0064|2.0e-04|1,000"
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=f"{64:04d}|{2e-4:.1e}|{1000:,}")
