from typing import Any

class TrainingArguments: ...

class TrainerState:
    is_world_process_zero: bool

class TrainerControl: ...

class TrainerCallback:
    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl | None: ...
