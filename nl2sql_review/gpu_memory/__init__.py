"""How much memory of a GPU a training run needs, estimated from its plan: nothing is loaded, downloaded or run.

architectures.py   which model a name or a config.json means: sizes of its matrices
setup.py           one run, as far as memory goes: model, adapter, precision, loss, batch, length
estimate.py        setup → GiB, part by part, with a lower and an upper bound
cards.py           which cards there are, and how much of each a run can use
advice.py          what fits: verdict, largest batch, smallest card, what each change would save
from_plan.py       training plan → setups, or the reason why there is none
"""
