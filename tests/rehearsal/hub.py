"""Datasets and tokenizers, as far as a script can tell without data: a few rows that have every column."""

from __future__ import annotations

from typing import Any, Callable

from . import standins
from .record import record
from .standins import Thing, behaves, library_class, made, plain, values

COLUMNS = ["question", "context", "schema", "sql", "answer", "instruction", "input", "output", "text", "messages"]


class Row(dict):
    """A row that has whatever column is asked for; its text is the data's, so it differs between variants."""

    def __missing__(self, key: Any) -> str:
        return f"<{key} {standins.variant}>"

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key]

    def __contains__(self, key: Any) -> bool:
        return True


class Batch(Row):
    """Rows as `map(batched=True)` hands them over: a dict of lists."""

    rows: list[Row]

    def __missing__(self, key: Any) -> list:
        return [row[key] for row in self.rows]


def _rows() -> list[Row]:
    return [Row({name: f"<{name} {standins.variant}>" for name in COLUMNS}) for _ in range(3 if plain() else 5)]


class Dataset(library_class("datasets.Dataset")):
    canonical = "datasets.Dataset"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = object.__new__(cls)
        self.__dict__.update(_name="datasets.Dataset", _made=True, rows=_rows(), info=made("datasets.DatasetInfo"))
        return self

    def __init__(self, rows: Any = None, **kwargs: Any) -> None:
        if rows is not None:
            self.__dict__["rows"] = [Row(row) if isinstance(row, dict) else Row() for row in rows]

    # what a script asks
    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return [row[key] for row in self.rows]
        if isinstance(key, slice):
            return self._batch(self.rows[key])
        return Row(self.rows[int(key) % len(self.rows)]) if self.rows else Row()  # a dict of its own each time

    @property
    def column_names(self) -> list[str]:
        return list(self.rows[0]) if self.rows else []

    @property
    def num_rows(self) -> int:
        return len(self)

    @property
    def features(self) -> dict:
        return dict.fromkeys(self.column_names)

    def _batch(self, rows: list[Row]) -> Batch:
        batch = Batch({name: [row[name] for row in rows] for name in (rows[0] if rows else {})})
        batch.rows = rows
        return batch

    # what a script does
    def _listed(self, method: str, args: tuple, kwargs: dict) -> None:
        record(f"datasets.Dataset.{method}", args, kwargs)

    def map(self, *args: Any, **kwargs: Any) -> Dataset:
        self._listed("map", args, kwargs)
        function = args[0] if args else kwargs.get("function")
        extra = kwargs.get("fn_kwargs") or {}
        dropped = kwargs.get("remove_columns") or []
        dropped = [dropped] if isinstance(dropped, str) else list(dropped)
        if function is None:
            return Dataset(self.rows)
        if kwargs.get("batched"):
            result = function(self._batch(self.rows), **extra)
            columns = {
                k: v
                for k, v in {**self._batch(self.rows), **(result or {})}.items()
                if k not in dropped or k in (result or {})
            }
            count = max((len(v) for v in columns.values()), default=0)
            return Dataset([{k: v[i] for k, v in columns.items() if i < len(v)} for i in range(count)])
        rows = []
        for index, row in enumerate(self.rows):
            result = function(Row(row), index, **extra) if kwargs.get("with_indices") else function(Row(row), **extra)
            result = result if isinstance(result, dict) else {}
            rows.append({k: v for k, v in {**row, **result}.items() if k not in dropped or k in result})
        return Dataset(rows)

    def select(self, *args: Any, **kwargs: Any) -> Dataset:
        self._listed("select", args, kwargs)
        chosen = args[0] if args else kwargs.get("indices")
        wanted = [at for at in chosen if isinstance(at, int)] if isinstance(chosen, (range, list, tuple)) else []
        return Dataset([self.rows[at] for at in wanted if at < len(self.rows)] or self.rows)

    def filter(self, *args: Any, **kwargs: Any) -> Dataset:
        self._listed("filter", args, kwargs)
        function = args[0] if args else kwargs.get("function")
        return Dataset([row for row in self.rows if function is None or function(Row(row))] or self.rows)

    def train_test_split(self, *args: Any, **kwargs: Any) -> DatasetDict:
        self._listed("train_test_split", args, kwargs)
        return DatasetDict(train=Dataset(self.rows), test=Dataset(self.rows))

    to_list = lambda self: list(self.rows)  # noqa: E731
    from_list = classmethod(lambda cls, rows, **kwargs: _built("from_list", (rows,), kwargs, rows))
    from_dict = classmethod(lambda cls, columns, **kwargs: _built("from_dict", (columns,), kwargs, None))
    from_pandas = classmethod(lambda cls, frame, **kwargs: _built("from_pandas", (frame,), kwargs, None))
    from_generator = classmethod(lambda cls, generator, **kwargs: _built("from_generator", (generator,), kwargs, None))
    from_json = classmethod(lambda cls, path, **kwargs: _built("from_json", (path,), kwargs, None))


def _unchanged(method: str) -> Callable:
    def unchanged(self: Dataset, *args: Any, **kwargs: Any) -> Dataset:
        self._listed(method, args, kwargs)
        return Dataset(self.rows)

    return unchanged


for method in (
    "shuffle sort shard cast take skip with_format flatten rename_column rename_columns remove_columns "
    "select_columns add_column set_format repeat batch"
).split():
    setattr(Dataset, method, _unchanged(method))


def _built(method: str, args: tuple, kwargs: dict, rows: Any) -> Dataset:
    record(f"datasets.Dataset.{method}", args, kwargs)
    return Dataset(rows if isinstance(rows, list) else None)


class DatasetDict(dict):
    """Splits: whichever is asked for exists."""

    def __missing__(self, key: str) -> Dataset:
        self[key] = Dataset()
        return self[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "symbol_name":
            raise AttributeError(name)

        def each(*args: Any, **kwargs: Any) -> Any:
            self["train"]
            done = {split: getattr(data, name)(*args, **kwargs) for split, data in self.items()}
            return DatasetDict(done)

        return each

    def __contains__(self, key: object) -> bool:
        return key in ("train", "test") or dict.__contains__(self, key)


values["datasets.Dataset"] = values["datasets.IterableDataset"] = Dataset
values["datasets.DatasetDict"] = DatasetDict


@behaves("load_dataset", "load_from_disk")
def _load(*args: Any, **kwargs: Any) -> Any:
    return Dataset() if kwargs.get("split") else DatasetDict(train=Dataset())


@behaves("interleave_datasets", "concatenate_datasets")
def _mix(*args: Any, **kwargs: Any) -> Dataset:
    return Dataset()


class Tokenizer(library_class("transformers.PreTrainedTokenizer")):
    canonical = "transformers.PreTrainedTokenizer"
    eos_token, bos_token, pad_token, unk_token, eos_token_id, pad_token_id = "</s>", "<s>", None, "<unk>", 2, None
    chat_template, padding_side, truncation_side, vocab_size, model_max_length = None, "right", "right", 32000, 4096

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = object.__new__(cls)
        self.__dict__.update(_name=cls.canonical, _made=True)
        if not plain():  # another model's tokenizer
            self.__dict__.update(
                eos_token="<eos>", pad_token="<pad>", eos_token_id=7, vocab_size=64000, padding_side="left"
            )
        return self

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __len__(self) -> int:
        return self.vocab_size

    def __iter__(self):
        return iter(())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        record("transformers.PreTrainedTokenizer.__call__", args, kwargs)
        text = args[0] if args else kwargs.get("text")
        ids = [1, 5, 9, 2]
        several = isinstance(text, (list, tuple))
        return Encoding(
            input_ids=[ids] * len(text) if several else ids,
            attention_mask=[[1] * 4] * len(text) if several else [1] * 4,
        )

    def encode(self, *args: Any, **kwargs: Any) -> list[int]:
        record("transformers.PreTrainedTokenizer.encode", args, kwargs)
        return [1, 5, 9, 2]

    def apply_chat_template(self, *args: Any, **kwargs: Any) -> Any:
        record("transformers.PreTrainedTokenizer.apply_chat_template", args, kwargs)
        return f"<chat {standins.variant}>" if kwargs.get("tokenize", True) is False else [1, 5, 9, 2]

    def decode(self, *args: Any, **kwargs: Any) -> str:
        record("transformers.PreTrainedTokenizer.decode", args, kwargs)
        return f"<decoded {standins.variant}>"

    def batch_decode(self, *args: Any, **kwargs: Any) -> list[str]:
        record("transformers.PreTrainedTokenizer.batch_decode", args, kwargs)
        return [f"<decoded {standins.variant}>"]


class Encoding(dict):
    """What a tokenizer returns: a dict whose keys are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if name == "to":
            return lambda *args, **kwargs: self
        raise AttributeError(name)


values["transformers.PreTrainedTokenizer"] = Tokenizer


@behaves(
    "AutoTokenizer.from_pretrained",
    "AutoProcessor.from_pretrained",
    "LlamaTokenizer.from_pretrained",
    "PreTrainedTokenizerFast.from_pretrained",
)
def _tokenizer(*args: Any, **kwargs: Any) -> Thing:
    return Tokenizer()


@behaves("FastLanguageModel.from_pretrained", "FastModel.from_pretrained", "FastVisionModel.from_pretrained")
def _pair(*args: Any, **kwargs: Any) -> tuple:
    return made("model"), Tokenizer()


@behaves("get_chat_template")
def _templated(*args: Any, **kwargs: Any) -> Any:
    return args[0] if args else kwargs.get("tokenizer", Tokenizer())


@behaves("standardize_sharegpt", "standardize_data_formats")
def _standardized(*args: Any, **kwargs: Any) -> Any:
    return args[0] if args else Dataset()


@behaves("setup_chat_format")
def _formatted(*args: Any, **kwargs: Any) -> tuple:
    return made("model"), Tokenizer()
