"""Estimates the GPU memory of a training run from its plan: nothing is loaded, downloaded or run.

architectures.py   the model of a name or a config.json: sizes of its matrices
setup.py           one run, as far as memory goes: model, adapter, precision, loss, batch, length
estimate.py        setup → GiB, part by part, with a lower and an upper bound
cards.py           the known cards, and how much memory of each a run can use
advice.py          verdict, largest batch, smallest card, what each change would save
from_plan.py       training plan → setups, or the reason why there is none
"""
