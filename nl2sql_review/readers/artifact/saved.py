"""Saved weights: a merge that is dropped, a base with the adapter's layers in it, a merge into few bits."""

from __future__ import annotations

import os
from typing import Any, Iterator

from ...files import disk
from ...interpret.core.objects import Object
from ...interpret.core.recording import Call
from ...training_plan.values import Default, Known, Value, overrider
from ..api.arguments import Defect, branch
from ..derive import plain
from ..lora import published_in_4bit
from ..model_state import ModelState, loads_adapter, replay
from ..object_settings import last, makers, objects
from ..run import Run, call_of, is_model_load, is_trainer
from ..spelling import spelt

SAVES = ("save_pretrained", "push_to_hub")
MERGED = ("save_pretrained_merged", "push_to_hub_merged", "save_pretrained_gguf", "push_to_hub_gguf")
MODEL = "transformers.PreTrainedModel."
MERGES = ("merge_and_unload", "unload")
UPLOADS = ("upload_folder", "upload_large_folder")
REFUSES = "2026.9.12"  # the first Unsloth that sees the adapter's layers in what it exports (read in the wheels)


def saves(run: Run) -> list[Call]:
    """Return the calls that save a model, also by a trainer, in order."""
    return [
        c
        for c in run.calls
        if c.callee.startswith(MODEL) and last(c.callee) in (*SAVES, *MERGED) or c.callee.endswith("Trainer.save_model")
    ]


def destination(call: Call) -> Value:
    return call.get("save_directory", "repo_id", "output_dir", "$0")


def saves_after_training(run: Run) -> list[Call]:
    start = max((c.order for c in run.train), default=-1)
    return [c for c in saves(run) if c.order > start]


def destinations(run: Run) -> list[str]:
    """Return the directories and repositories that a model is saved to after training, where they are known."""
    values = [destination(c) for c in saves_after_training(run)]
    return list(dict.fromkeys(str(v.value) for v in values if isinstance(v, (Known, Default)) and v.value))


def model_of(run: Run, call: Call) -> Any:
    """Return the model that a call saves: its receiver, or the model of the trainer."""
    if call.callee.startswith(MODEL):
        return call.receiver
    trainer = call_of(call.receiver) if call.receiver is not None else None
    return next(objects(trainer.get("model")), None) if trainer is not None else None


def weights(run: Run) -> Iterator[Defect]:
    """Yield saves of a model whose trained weights are lost or stored under other names."""
    merging = [c for c in run.calls if last(c.callee) in MERGES]
    for call in saves(run):
        thing = model_of(run, call)
        if thing is None:
            continue
        if last(call.callee) in MERGED:
            if exports_the_base(run, thing, call):
                text = (
                    f"{last(call.callee)} is called on the base model, although the adapter's layers are in it: "
                    f"Unsloth before {REFUSES} writes the base without the adapter, later versions refuse; load the "
                    f"saved adapter "
                    "with FastLanguageModel.from_pretrained and export that"
                )
                yield Defect("unmerged", last(call.callee), call.place, text, branch(call))
            continue
        merge = next((c for c in merging if merges(run, c, thing, call) and on_its_branch(c, call)), None)
        if merge is not None:
            name = last(merge.callee)
            text = (
                f"{name}() does not work in place: its result is dropped, and what is saved is the empty adapter, "
                f"without tensors; save the result"
            )
            yield Defect("dropped", name, call.place, text, branch(call), trace=(merge.place,))
            continue
        if adapts_unnamed(run, thing, call):
            text = (
                "the result of get_peft_model() is dropped, and the base is saved under other names: save what it "
                "returns"
            )
            yield Defect("wrapped", "get_peft_model", call.place, text, branch(call))
            continue
        trainer = adapted_in_place(run, thing, call)
        if trainer is not None:
            text = (
                "the trainer inserted the layers of its peft_config into this model: saved directly, its weights "
                "have different names and load as new ones; save trainer.model, or call trainer.save_model"
            )
            yield Defect("wrapped", "peft_config", call.place, text, branch(call))


def untrained(run: Run) -> Iterator[Defect]:
    """Yield saves of the model that trains, all of which come before the training."""
    if run.trainer is None or not run.train or saves_after_training(run):
        return
    trained = [*objects(run.trainer.get("model")), run.trainer.result]
    start = min(call.order for call in run.train)
    later = (call.callee for call in run.calls if call.order > start)
    if any(last(name).startswith(("save", "push", "upload", "export")) and "Tokenizer" not in name for name in later):
        return
    for call in saves(run):
        thing = model_of(run, call)
        if call.order < start and call.certain and thing is not None and any(thing is one for one in trained):
            text = (
                f"{last(call.callee)} comes before train(), and nothing saves the model afterwards: what is saved is "
                f"untrained"
            )
            yield Defect("untrained", last(call.callee), call.place, text)


def on_its_branch(merge: Call, save: Call) -> bool:
    """Return whether a merge runs whenever a save does, and not on another branch."""
    import libcst as cst

    if not merge.conditional:
        return True
    made, saved = merge.place, save.place
    if made.source is not saved.source or made.node is None or saved.node is None:
        return False
    blocks = [n for n in made.source.nodes.path(made.node) if isinstance(n, cst.IndentedBlock)]
    return bool(blocks) and any(n is blocks[-1] for n in saved.source.nodes.path(saved.node))


def merges(run: Run, call: Call, thing: Object | None, save: Call) -> bool:
    """Return whether a call merged the adapter out of an adapter model that is saved afterwards."""
    if call.receiver is not thing or call.order >= save.order:
        return False
    trainer = run.trainer
    if trainer is not None and getattr(thing, "text", "") == f"{getattr(trainer.result, 'text', None)}.model":
        if makers(trainer.get("peft_config")):
            return True
        thing = next(objects(trainer.get("model")), None)
    made = call_of(thing)
    return made is not None and (loads_adapter(made) or last(made.callee) == "get_peft_model")


def adapts_unnamed(run: Run, thing: Object | None, save: Call) -> bool:
    """Whether `get_peft_model(model, …)` stands alone on its line, and the model that it was given is saved."""
    import libcst as cst

    made = call_of(thing)
    if made is None or not is_model_load(made) or made.callee.startswith("unsloth") or save.conditional:
        return False
    for call in run.calls:
        if call.order > save.order or call.callee != "peft.get_peft_model" or call.conditional:
            continue
        path = call.place.source.nodes.path(call.place.node)
        alone = any(isinstance(n, cst.Expr) and n.value is call.place.node for n in path)
        if alone and any(thing is t for t in objects(call.get("model", "$0"))):
            return True
    return False


def adapted_in_place(run: Run, thing: Object | None, save: Call) -> Call | None:
    """Return the trainer that adapted the saved bare model before the save, if any."""
    made = call_of(thing)
    if made is None or not is_model_load(made) or save.conditional or last(save.callee) == "save_model":
        return None
    for call in run.calls:
        if call.order >= save.order or not is_trainer(call) or call.conditional:
            continue
        given = call.get("peft_config")
        if any(thing is t for t in objects(call.get("model"))) and makers(given):
            return call if not made.callee.startswith("unsloth") else None
    return None


def exports_the_base(run: Run, thing: Object | None, save: Call) -> bool:
    """Return whether Unsloth's export runs on the base model: it was adapted, or PEFT passes the call on to it."""
    made = call_of(thing)
    if made is None or save.conditional:
        return False
    if made.callee.startswith("peft.") and (loads_adapter(made) or last(made.callee) == "get_peft_model"):
        base = next((call_of(t) for t in objects(made.get("model", "$0"))), None)
        return base is not None and is_model_load(base) and base.callee.startswith("unsloth")
    if not is_model_load(made) or not made.callee.startswith("unsloth"):
        return False
    adapts = [c for c in run.calls if last(c.callee) == "get_peft_model" and c.order < save.order and not c.conditional]
    return any(thing is t and c.result is not thing for c in adapts for t in objects(c.get("model", "$0")))


def uploads(run: Run) -> Iterator[Defect]:
    """Yield folders that are pushed after training although nothing of the run is saved there."""
    start = max((c.order for c in run.train), default=None)
    if start is None:
        return
    kept = [destination(c) for c in saves(run) if c.order > start]
    own = run.arguments.value("output_dir")
    if not kept or not all(isinstance(v, (Known, Default)) for v in (*kept, own)):
        return  # something may be saved anywhere
    written = [folder_of(v) for v in (*kept, own)]
    for call in run.calls:
        if call.order < start or last(call.callee) not in UPLOADS or "huggingface_hub" not in call.callee:
            continue
        folder = folder_of(call.get("folder_path", "$1"))
        if not folder or any(lies_in(folder, w) or lies_in(w, folder) for w in written) or touched(run, call, folder):
            continue
        text = (
            f"{folder} is pushed, but nothing of this run is saved there: the model is saved to {folder_of(kept[-1])}"
        )
        yield Defect("pushed", "folder_path", call.place, text, branch(call))


def folder_of(value: Value) -> str:
    inner = value.value if isinstance(value, (Known, Default)) else None
    return os.path.normpath(inner) if isinstance(inner, str) and inner else ""


def lies_in(path: str, folder: str) -> bool:
    return folder == "." or disk.lies_in(path, folder)


def touched(run: Run, upload: Call, folder: str) -> bool:
    """Return whether another call names a directory, since it may put the model there."""
    others = (
        c for c in run.calls if c is not upload and last(c.callee) not in ("makedirs", "mkdir", "exists", "isdir")
    )
    return any(folder in spelt(v) for c in others for v in c.arguments.values())


def merged_into(run: Run) -> Iterator[Defect]:
    """Yield merges into weights of 4 or 8 bits that are saved afterwards."""
    saved = [c for c in saves(run) if c.receiver is not None]
    for call in run.calls:
        if last(call.callee) != "merge_and_unload" or call.receiver is None:
            continue
        if not any((c.receiver is call.result or c.receiver is call.receiver) and c.order > call.order for c in saved):
            continue
        state = replay(run, call.receiver, call.order)
        bits, by = quantized(state)
        if not bits or state.doubt or dequantized(run, call):
            continue
        text = (
            f"the adapter is merged into {bits}-bit weights, so the sums are rounded again: load the base model "
            f"in 16 bits, attach the adapter, and merge"
        )
        yield Defect("quantized", "merge_and_unload", call.place, text, branch(call), overridden_by=by)


def quantized(state: ModelState) -> tuple[int, str]:
    """Return the bits of the base model, 4, 8 or 0 (for others and for Unsloth), and what may override them."""
    load = state.load or next((a.call for a in state.adapters.values() if "AutoPeft" in a.call.callee), None)
    if load is None or load.callee.startswith("unsloth"):
        return 0, ""
    settings = makers(load.get("quantization_config"))
    for bits in (4, 8):
        for asked in (settings.value(f"load_in_{bits}bit"), load.get(f"load_in_{bits}bit")):
            if plain(asked) is True:
                return bits, overrider(asked)
    name = load.get("pretrained_model_name_or_path", "$0")
    return (4, overrider(name)) if isinstance(plain(name), str) and published_in_4bit(name) else (0, "")


def dequantized(run: Run, merge: Call) -> bool:
    return any(last(c.callee) == "dequantize" and c.order < merge.order for c in run.calls)
