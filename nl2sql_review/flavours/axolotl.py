"""Axolotl: `axolotl train config.yml`."""

from __future__ import annotations

from .flavour import Build, Flavour, Outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reading import Reading

OWN = frozenset(
    ("datasets", "pretraining_dataset", "micro_batch_size", "sequence_len", "adapter", "rl", "test_datasets")
)


def detects(outline: Outline) -> bool:
    return "base_model" in outline.keys and bool(outline.keys & OWN)


def read(reading: Reading) -> None:
    from .calls import axolotl

    axolotl.read(reading)


FLAVOUR = Flavour(
    "axolotl",
    started_by="axolotl train",
    program="Axolotl",
    family="Axolotl",
    build=Build(
        "axolotl",
        r"axolotl/(utils/schemas/(?!internal)\w+|integrations/\w+/args)\.py",
        {
            "": ("AxolotlInputConfig",),
            "datasets": (
                "StepwiseSupervisedDataset",
                "SyntheticDataset",
                "PretrainingDataset",
                "KTODataset",
                "DPODataset",
                "SFTDataset",
            ),
            "datasets.type": ("UserDefinedKTOType", "UserDefinedDPOType", "UserDefinedPrompterType"),
        },
        plugins=r"axolotl/integrations/\w+/args\.py",
    ),
    read=read,
    detects=detects,
    plain_keys=("base_model",),
    parser="pydantic",
    refusal="the configuration is not valid, and axolotl stops",
    other_keys="a later release or a plugin",
    packages=("axolotl",),
    pins=True,
    overrides_launcher=True,
    commands=("axolotl train",),
    modules=("axolotl.cli.train",),
    functions=("axolotl.do_cli", "axolotl.do_train", "axolotl.train"),
)
