"""The tables of the libraries: what is read out of a wheel, also of one that lies on a server and is read in parts."""

from __future__ import annotations

import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nl2sql_review.libraries import build, store, tables, wheels
from nl2sql_review.readers.prompt.models import known

LLM = """
class LLM:
    @overload
    def __init__(self, model, *, old=...): ...
    def __init__(self, model, *, tokenizer=None, **kwargs):
        if "swap_space" in kwargs:
            kwargs.pop("swap_space")
        kwargs.pop("legacy", None)
"""
ARGUMENTS = """
@dataclass
class EngineArgs:
    model: str = "m"
    dtype: str = "auto"
    hidden: ClassVar[int] = 1
"""
VALIDATORS = """
def validate_hf_hub_args(fn): ...
def smoothly_deprecate_legacy_arguments(fn_name, kwargs):
    new_kwargs = kwargs.copy()
    new_kwargs.pop("proxies", None)
    return new_kwargs
"""
HUB = """
class HfApi:
    def __init__(self, endpoint=None): ...
    @validate_hf_hub_args
    def create_repo(self, repo_id, *, exist_ok=False): ...
    @cached_by_somebody
    def upload_file(self, path): ...
"""


def wheel(folder: Path, name: str, files: dict[str, str], metadata: str = "") -> Path:
    """A wheel of these files; `name` is library-version."""
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for file, text in files.items():
            made.writestr(file, text)
        made.writestr(f"{name}.dist-info/METADATA", metadata or "Name: x\n")
    return path


def callables(path: Path) -> dict[str, dict[str, object]]:
    library, version = wheels.named(path.name)
    with wheels.opened(path) as opened:
        read = {library: {version: build.read_wheel(opened, library)}}
    return tables.unpacked(tables.packed(read))[library][version]["callables"]


def test_what_is_handed_on_is_refused_by_the_one_that_gets_it(tmp_path: Path) -> None:
    path = wheel(tmp_path, "vllm-1.0", {"vllm/entrypoints/llm.py": LLM, "vllm/engine/arg_utils.py": ARGUMENTS})
    found = callables(path)["LLM"]
    assert not found["open"]
    assert set(found["parameters"]) == {"model", "tokenizer", "dtype", "swap_space", "legacy"}
    alone = callables(wheel(tmp_path, "vllm-2.0", {"vllm/entrypoints/llm.py": LLM}))["LLM"]
    assert alone["open"], "whoever gets the rest is not known: nothing is refused"


def test_a_decorator_that_is_not_known_may_take_anything(tmp_path: Path) -> None:
    files = {"huggingface_hub/hf_api.py": HUB, "huggingface_hub/utils/_validators.py": VALIDATORS}
    found = callables(wheel(tmp_path, "huggingface_hub-1.0", files))
    assert found["create_repo"] == found["HfApi.create_repo"]
    assert found["create_repo"]["renamed"] == {"proxies": ""} and not found["create_repo"]["open"]
    assert found["upload_file"]["open"] and not found["HfApi"]["open"]


def test_an_object_of_several_classes_takes_what_any_of_them_takes(tmp_path: Path) -> None:
    one = "class Dataset:\n    def map(self, function=None, num_proc=None): ...\n"
    other = "class DatasetDict:\n    def map(self, function=None, load_from_cache_file=None): ...\n"
    files = {"datasets/arrow_dataset.py": one, "datasets/dataset_dict.py": other, "datasets/x.py": one}
    found = callables(wheel(tmp_path, "datasets-1.0", files))
    assert set(found["Dataset.map"]["parameters"]) == {"function", "num_proc", "load_from_cache_file"}


def test_metadata_of_any_line_ending_is_read(tmp_path: Path) -> None:
    text = "Name: x\r\nRequires-Python: >=3.10\r\nRequires-Dist: trl<=1.15.0,>=0.18.2\r\n\r\nRequires-Dist: no\r\n"
    with wheels.opened(wheel(tmp_path, "unsloth-1.0", {}, text)) as opened:
        said = wheels.metadata(opened)
    assert said == {"requires_python": ">=3.10", "requires_dist": ["trl<=1.15.0,>=0.18.2"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """An address that serves a folder by range, and the ranges asked for; `/whole/` hands out all of a file."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = (tmp_path / self.path.rpartition("/")[2]).read_bytes()
            first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
            asked.append(self.headers["Range"])
            part = data if self.path.startswith("/whole/") else data[int(first) : int(last) + 1]
            self.send_response(200 if part is data else 206)
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def test_a_large_wheel_is_read_in_parts(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    address, asked = server
    files = {"vllm/entrypoints/llm.py": LLM, "vllm/engine/arg_utils.py": ARGUMENTS, "vllm/weights.bin": "x" * 3_000_000}
    path = wheel(tmp_path, "vllm-1.0", files)
    with wheels.opened((f"{address}/{path.name}", path.stat().st_size)) as opened:
        read = build.read_wheel(opened, "vllm")
    assert "LLM" in read["callables"]
    sizes = [int(last) - int(first) + 1 for first, last in (one[6:].split("-") for one in asked)]
    assert sum(sizes) < path.stat().st_size / 2
    with pytest.raises(wheels.NoRanges, match="bytes .* were requested"):
        with wheels.opened((f"{address}/whole/{path.name}", path.stat().st_size)):
            pass


TEMPLATES = '''
qwen3_chat_template = (_DIR / "qwen3.jinja").read_text(encoding="utf-8")
lfm2_chat_template = r"""{%- generation -%}{{ messages }}{%- endgeneration %}"""
llama3_1_chat_template = "{{ messages }}"
old_chat_template = "{{ old }}"
old_training_chat_template = "{{ old }} "
qwen3_training_chat_template = (_DIR / "qwen3_training.jinja").read_text(encoding="utf-8")

def add_response_schema(tokenizer):
    if tokenizer.chat_template == llama3_1_chat_template:
        return qwen3_training_chat_template

def get_training_chat_template(tokenizer):
    """Diff: {% generation %}."""
    if tokenizer.chat_template == qwen3_chat_template:
        return qwen3_training_chat_template
    if tokenizer.chat_template == old_chat_template:
        return old_training_chat_template
    raise ValueError
'''


@pytest.mark.parametrize(
    ("trainer", "qwen3"),
    [("self.chat_template = get_training_chat_template(tokenizer)\n", "replaced"), ("import trl\n", "")],
)
def test_a_chat_template_is_replaced_where_the_trainer_asks_and_the_other_one_has_markers(
    tmp_path: Path, trainer: str, qwen3: str
) -> None:
    files = {
        "trl/__init__.py": "",
        "trl/chat_template_utils.py": TEMPLATES,
        "trl/chat_templates/qwen3.jinja": "{{ messages }}",
        "trl/chat_templates/qwen3_training.jinja": "{% generation %}{{ messages }}{% endgeneration %}",
        "trl/trainer/sft_trainer.py": trainer,
    }
    with wheels.opened(wheel(tmp_path, "trl-9.0", files)) as opened:
        read = build.read_wheel(opened, "trl")
    assert read["templates"] == {"qwen3": qwen3, "lfm2": "own", "llama3_1": "", "old": ""}
    releases = {"trl": {"9.0": read, "9.1": {**read, "templates": {}}}}
    again = tables.unpacked(tables.packed(releases))["trl"]
    assert [again[version]["templates"] for version in ("9.0", "9.1")] == [read["templates"], {}]


@pytest.mark.parametrize(
    ("template", "version", "found"),
    [
        ("qwen3", "1.0.0", False),  # another trainer asks for it, and TRL's version has no markers yet
        ("qwen3", "1.1.0", True),
        ("gemma3", "1.1.0", False),
        ("gemma3", "1.16.0", True),
        ("llama3_1", "1.16.0", False),
        ("lfm2_2_5", "0.24.0", True),  # its own markers, whether TRL has a copy of it or not
        ("qwen3", "99.0", None),
    ],
)
def test_the_releases_that_find_the_answers_in_a_chat_template(template: str, version: str, found: bool | None) -> None:
    assert store.finds_answers(template, version) is found


def test_every_template_that_a_kind_of_model_names_is_in_the_tables() -> None:
    """One that is misspelt would count as one of which TRL has no copy."""
    named = {name for one in known().members for name in one.trl_templates or ()}
    assert {name for name in named if not store.finds_answers(name, "1.16.0")} == {"llama3_1", "llama3_2"}
