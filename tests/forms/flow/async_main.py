# expect: known 64
import asyncio
from unsloth import FastLanguageModel


async def main():
    FastLanguageModel.get_peft_model(None, r=64)


asyncio.run(main())
