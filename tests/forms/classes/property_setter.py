# expect: known 64
from unsloth import FastLanguageModel

class C:
    @property
    def r(self):
        return self._r

    @r.setter
    def r(self, value):
        self._r = value * 2


c = C()
c.r = 32
FastLanguageModel.get_peft_model(None, r=c.r)
