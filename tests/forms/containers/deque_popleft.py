# expect: known 64
from collections import deque

from unsloth import FastLanguageModel

ranks = deque([64, 16])
ranks.append(8)
r = ranks.popleft()
assert ranks.pop() == 8
FastLanguageModel.get_peft_model(None, r=r)
