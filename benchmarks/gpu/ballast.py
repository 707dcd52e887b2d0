"""Take all memory of the GPU but a given amount of GiB, until standard input ends: `ballast.py 14.56`.

What is left is what a card of that size would have free before a process starts on it.
"""

import sys

import torch

GIB = 1024**3

free, total = torch.cuda.mem_get_info()
held = torch.empty(int(free - float(sys.argv[1]) * GIB), dtype=torch.uint8, device="cuda")
print(f"{torch.cuda.mem_get_info()[0] / GIB:.2f} of {total / GIB:.2f} GiB left", flush=True)
sys.stdin.read()
