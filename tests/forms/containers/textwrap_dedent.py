# expect: known "a\n" or unknown
import textwrap
from unsloth import FastLanguageModel

FastLanguageModel.get_peft_model(None, r=textwrap.dedent("  a\n"))
