"""What mutants are made of: tokens, values, statements and files that readers of scripts stumble over."""

from __future__ import annotations

import re
from typing import Any

TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
LITERAL = re.compile(r"(?<![\w.])(?:\d[\w.]*|True|False|None)(?!\w)|\"[^\"\n\\]{0,200}\"|'[^'\n\\]{0,200}'")
TOKENS = (
    *"()[]{}:;,.=*@%&|^~<>!\\\"'`#$?", "**", "->", ":=", "...", '"""', "'''", "f'{", "}'", "\n", "\t", "\x00", "\x0c",
    "lambda", "async ", "await ", "yield ", "return ", "del ", "global ", "import ", "from ", "class ", "def ",
    "with ", "match ", "case ", "type ", "print ", "exec ", "nonlocal ", "not ", "in ", "is ", "\u202e", "\u200b",
    "\ud800", "\x1b[31m", "\x1b]8;;http://e\x07", "::error::x", "</script>", "]]>", "<!--", "{{", "}}", "{%", "%}",
    "${", "!!python/object:os.system ", "&a ", "*a", "<<: ", "? ", "- ", "|", "e9", "0x", "0b1", "1_000", "\u0660",
    "\uff11", "\U0001d7d8", "\xa0", "é",
)  # fmt: skip
VALUES = (
    "0", "1", "-1", "64", "1e400", "-1e400", "10**400", "10**400/3", "2**63", "-2**63", "1e-320", "0.0", "-0.0", "1j",
    "float('nan')", "float('inf')", "None", "True", "False", "...", "''", "b''", "[]", "()", "{}", "set()",
    "'a' * 10**9", "b'a' * 10**9", "[1] * 10**9", "'\\ud800'", "'\\x00'", "'\\x1b[31m'", "'\\u202e\\u2066'",
    "'::error file=a::b'", "'</script>'", "']]>'", "'%0A'", "'a\\nb'", "'{' * 9000", "'${' * 9000", "'{{' * 3000",
    "'(' * 9000", "'%(a)s' * 9000", "'../' * 900", "'/dev/zero'", "'/etc/passwd'", "'~'", "'file://host/a'",
    "'C:\\\\a'", "'a' 'b'", "f'{x}'", "f'{1:>{10**9}}'", "rb'\\n'", "'\\N{BULLET}'", "lambda: 0",
    "lambda *a, **k: (a, k)", "[x for x in range(10**9)]", "(yield_ for yield_ in ())", "[[[[[[]]]]]]",
    "{**{}, 'r': 1}", "print", "int", "type", "object()", "__import__('os')", "open(__file__).read()", "globals()",
    "locals()['x']", "range(10**30)", "sorted('cab')", "dict(r=16)", "'16'", "'2e-4'", "'auto'", "'all-linear'",
    "{'r': {'r': 1}}", "slice(1, 2)", "x", "self", "args", "args.r", "os.environ['R']", "int(input())", "not 1",
    "1 if x else 2", "a[b](c)", "int('1' * 4000, 36)", "'1' * 5000", "9" * 4000, "0x" + "f" * 900, "1" + "+1" * 900,
    "[" * 90 + "]" * 90, "x" + ".a" * 900, "-" * 90 + "1", "not " * 90 + "1", "'" + "a" * 30_000 + "'",
    "'" + "(a|aa)+" * 99 + "'", "'" + "# " * 9_000 + "'", "'" + "\\\\" * 9_000 + "'", "'" + " " * 30_000 + "'",
    "'" + "=" * 30_000 + "'", "'" + "q_proj," * 3_000 + "'", "'" + "a.b" * 9_000 + "'",
    "'{% for a in range(9999999) %}{% endfor %}'", "'{{ messages[0][\"content\"] * 10**9 }}'",
    "'### Input:\\n{}\\n### Response:\\n{}'",
)  # fmt: skip
NAMES = (
    "r", "lora_r", "args", "model", "learning_rate", "", "a b", "class", "\ud800", "x" * 3_000, "__class__", "..",
    "${a}", "0", "<<",
)  # fmt: skip
THINGS: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 2**63, 1e308, float("nan"), float("inf"), "", "a" * 30_000, [], {}, [[]], {"a": None},
    ["a"] * 2_000, "${a}", "${oc.env:HOME}", "{{ a }}", "1e-4", "0x10", "~", "null", "2020-01-01", "\ud800", "\x00",
    "../..", "/dev/zero", "!!python/name:os.system", "${" * 3_000, {str(n): n for n in range(900)},
)  # fmt: skip
CELLS: tuple[Any, ...] = (
    {"cell_type": "code", "metadata": {}, "outputs": [], "source": "%%bash\npython train.py --r 64\n"},
    {"cell_type": "code", "metadata": {}, "outputs": [], "source": "!accelerate launch $x {y} train.py"},
    {"cell_type": "code", "metadata": {}, "outputs": [], "source": "%%writefile train.py\nr = 64\n"},
    {"cell_type": "code", "source": "for x in"}, {"cell_type": "raw"}, {}, None, 1,
    {"cell_type": "code", "source": [1, None]},
)  # fmt: skip
COMMENTS = (
    "  # nl2sql-review: ignore", "  # nl2sql-review: ignore[" + "a," * 9_000 + "]",
    "  # nl2sql-review: ignore[lora/rank] because", "  # noqa" * 900, "  # " + "x " * 9_000, "  # type: ignore",
    "\n# /// script\n# dependencies = ['trl']\n# ///", "\n# /// script\n" * 900, "  \\", "\x0c", "  # \u202e\u2066",
    "\n# %%\n", "  # coding: idna", "\n!pip install 'trl==1.0'", "\n%cd /tmp",
)  # fmt: skip
FRAMES = (
    "if x:\n    pass", "if x:\n    a = 1\nelse:\n    pass", "for i in range(3):\n    pass", "for i in y:\n    pass",
    "while x:\n    pass", "while True:\n    pass", "try:\n    pass\nexcept Exception:\n    a = 1",
    "try:\n    a()\nexcept E as e:\n    pass\nfinally:\n    b()", "with a() as b:\n    pass",
    "def f(*a, r=64, **k):\n    pass\nf(r=x)", "def f():\n    yield\n    pass\nlist(f())", "class A:\n    pass",
    "class A(B):\n    def __init__(self, *a):\n        super().__init__(*a)\n        pass\nA(1)",
    "async def f():\n    pass\nawait_ = f()", "if __name__ == '__main__':\n    pass", "@d\ndef f(a):\n    pass\nf(f)",
    "def f(n):\n    f(n - 1)\n    pass\nf(9)",
    "match x:\n    case {'a': b}:\n        pass\n    case _:\n        c = 1", "lambda: 0\nif not x:\n    pass",
)  # fmt: skip
AROUND = (
    "HOLE if x else 1", "[HOLE, HOLE]", "(lambda: HOLE)()", "f(HOLE)", "int(HOLE)", "str(HOLE)", "HOLE + HOLE",
    "HOLE * 2", "not HOLE", "HOLE[0]", "HOLE.a", "HOLE()", "{'a': HOLE}['a']", "[HOLE for i in range(3)]",
    "f'{HOLE}'", "f'{HOLE!r:>9}'", "(y := HOLE)", "max(HOLE, 1)", "os.environ.get('A', HOLE)",
    "getattr(x, 'a', HOLE)", "dict(a=HOLE, **HOLE)", "(*HOLE,)", "HOLE or x", "HOLE ** HOLE", "HOLE % HOLE",
    "copy.deepcopy(HOLE)", "json.dumps(HOLE)", "re.sub(HOLE, HOLE, HOLE)",
)  # fmt: skip
BESIDE = {
    "nl2sql-review.toml": 'select = ["lora", "prompt"]\nexclude = ["a/**", "*.b"]\n'
    '[rules."lora/rank"]\nexpect = { equals = 16 }\n',
    "requirements.txt": "trl==1.0.0\ntransformers>=4.56,<5 ; python_version > '3'\n-r a.txt\nunsloth @ git+https://e\n",
    "pyproject.toml": '[project]\nname = "a"\ndependencies = ["trl>=0.2"]\n[tool.nl2sql-review]\nfail-on = "warning"\n',
    "config.yaml": "model: codellama/CodeLlama-7b-hf\nlora: {r: 64, alpha: 16}\nlearning_rate: 2e-4\n",
    "run.sh": "#!/bin/bash\nset -e\nexport R=64\nfor i in 1 2; do\n  torchrun train.py --r $R --lr ${LR:-1}\ndone\n",
    ".gitignore": "*.log\n!a.log\n/out/**/b\n[a-z]?\n",
    "train.jsonl": '{"question": "How many?", "query": "SELECT count(*) FROM a", "schema": "CREATE TABLE a (id INT)"}\n'
    * 9,
}
