# expect: known 16
from unsloth import FastLanguageModel

class C:
    __r = 16

    def rank(self):
        return self.__r


c = C()
c.__r = 64
FastLanguageModel.get_peft_model(None, r=c.rank())
