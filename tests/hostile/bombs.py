"""Scripts that compute what grows without end, each for a model or operation of the interpreter that once followed it.

Every one trains at its end, with a rank that the review has to reach: a bomb costs what it computes, and nothing else.
"""

from __future__ import annotations

HEAD = """\
import copy, functools, itertools, json, operator, os, random, re, string, textwrap
from pathlib import Path
from string import Template
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer
"""
TAIL = """
config = LoraConfig(r=64)
SFTTrainer("m", args=SFTConfig(learning_rate=2e-4), peft_config=config).train()
"""
NAMED = 'SFTTrainer("m", args=SFTConfig(run_name=x, output_dir=str(x)))\n'
TURNS = "for i in range(60):\n    for j in range(60):\n        SFTConfig(seed=i)\n        "


def indented(text: str) -> str:
    return "    " + text.replace("\n", "\n    ")


BOMBS = {
    # texts and bytes
    "bytes times": 'x = b"a" * 10**9',
    "times bytes": 'x = 10**9 * b"a"',
    "text times": 'x = "ab" * 10**9',
    "text doubled": 'x = "ab"\n' + "x = x + x\n" * 60,
    "bytes doubled": 'x = b"ab"\n' + "x = x + x\n" * 60,
    "text doubled in place": 'x = "ab"\nfor _ in range(60):\n    x += x',
    "text squared": 'x = "ab"\nfor _ in range(20):\n    x = x * len(x)',
    "ljust": 'x = "a".ljust(10**9)',
    "rjust of bytes": 'x = b"a".rjust(10**9)',
    "center": 'x = "a".center(10**9, "é")',
    "zfill": 'x = "a".zfill(10**9)',
    "expandtabs": 'x = "\\t".expandtabs(10**9)',
    "expandtabs of tabs": 'x = ("\\t" * 100_000).expandtabs(100_000)',
    "bytes expandtabs": 'x = b"\\t".expandtabs(10**9)',
    "replace": 'x = ("a" * 100_000).replace("a", "b" * 100_000)',
    "replace nothing": 'x = ("a" * 100_000).replace("", "b" * 100_000)',
    "bytes replace": 'x = (b"a" * 100_000).replace(b"a", b"b" * 100_000)',
    "translate": 'x = ("a" * 100_000).translate({97: "b" * 100_000})',
    "join": 'x = ("a" * 100_000).join(["b"] * 900)',
    "join of characters": 'x = ("a" * 100_000).join("b" * 100_000)',
    "join of bytes": 'x = (b"a" * 100_000).join([b"b"] * 900)',
    "split to characters": 'x = ("a," * 90_000).split(",")',
    "partition again": 'x = "a" * 100_000\nfor _ in range(64):\n    x = x.partition("b")[0] + x',
    "format with a width": 'x = f"{1:>{10**9}}"',
    "a width that is said": 'x = f"{1:1000000000}"',
    "a precision": 'x = f"{1.5:.1000000000f}"',
    "format of a width": 'x = "{:>1000000000}".format(1)',
    "format with a width inside": 'x = "{:>{}}".format(1, 10**9)',
    "format()": 'x = format(1, ">1000000000")',
    "format many times": 'x = ("{0}" * 60_000).format("a" * 100_000)',
    "format_map": 'x = ("{a}" * 60_000).format_map({"a": "b" * 100_000})',
    "format that doubles": 'x = "ab"\nfor _ in range(60):\n    x = "{0}{0}".format(x)',
    "f-string that doubles": 'x = "ab"\nfor _ in range(60):\n    x = f"{x}{x}"',
    "percent with a width": 'x = "%1000000000d" % 1',
    "percent with a precision": 'x = "%.1000000000f" % 1.5',
    "percent with a star": 'x = "%*d" % (10**9, 1)',
    "percent many times": 'x = ("%s" * 60_000) % (("a" * 100_000,) * 60_000)',
    "percent by name": 'x = ("%(a)s" * 60_000) % {"a": "b" * 100_000}',
    "bytes percent": 'x = b"%1000000000d" % 1',
    "template": 'x = Template("$a" * 60_000).substitute(a="b" * 100_000)',
    "template safe": 'x = Template("$a " * 60_000).safe_substitute(a="b" * 100_000)',
    "textwrap indent": 'x = textwrap.indent("a\\n" * 50_000, "b" * 100_000)',
    "textwrap fill": 'x = textwrap.fill("a " * 50_000, width=1)',
    "textwrap wide": 'x = textwrap.wrap("a" * 100_000, 1)',
    "dedent": 'x = textwrap.dedent(("  " * 50_000 + "a\\n") * 2)',
    "dedent of blanks": 'x = textwrap.dedent(" " * 100_000 + "\\n" + "\\t" * 100_000)',
    "encode": 'x = ("\\U0001f600" * 100_000).encode("unicode_escape")',
    "utf-32": 'x = ("a" * 100_000).encode("utf-32")',
    "casefold": 'x = ("\\u0390" * 190_000).upper()',
    "repr grows": 'x = "\\\\"\nfor _ in range(60):\n    x = repr(x)',
    "str of a list grows": 'x = ["\\\\"]\nfor _ in range(60):\n    x = [str(x)]',
    "ascii grows": 'x = "\\U0001f600" * 30_000\nfor _ in range(20):\n    x = ascii(x)',
    "json grows": 'x = "\\\\"\nfor _ in range(60):\n    x = json.dumps(x)',
    "json indent": 'x = json.dumps([[[[1] * 900] * 9] * 9], indent=100_000)',
    "json indented text": 'x = json.dumps([1] * 900, indent="a" * 100_000)',
    "json separators": 'x = json.dumps([1] * 900, separators=("a" * 100_000, ":"))',
    "os.path.join": 'x = "a/"\nfor _ in range(60):\n    x = os.path.join(x, x)',
    "Path joined": 'x = Path("a")\nfor _ in range(60):\n    x = x / x',
    "replace of tokens": 'x = "a"\nfor _ in range(60):\n    x = x.replace("a", "aa")',
    "sub doubles": 'x = "a"\nfor _ in range(60):\n    x = re.sub("a", "aa", x)',
    "sub of nothing": 'x = re.sub("", "b" * 100_000, "a" * 3_900)',
    "sub of groups": 'x = re.sub("(a+)", r"\\1\\1\\1\\1\\1\\1\\1\\1" * 10_000, "a" * 3_900)',
    # numbers
    "power": "x = 10 ** 10 ** 10",
    "power of power": "x = 9\nfor _ in range(60):\n    x = x ** 9",
    "powers of 1000": "x = 999_999\nfor _ in range(20):\n    x = x ** 999",
    "pow()": "x = pow(10, 10**10)",
    "pow() again": "x = 9\nfor _ in range(60):\n    x = pow(x, 999)",
    "pow() with a modulus": "x = pow(3, 10**100_000, 10**100_000)",
    "product": "x = 9 ** 999\nfor _ in range(60):\n    x = x * x",
    "product in place": "x = 9 ** 999\nfor _ in range(60):\n    x *= x",
    "shift": "x = 1 << 10**10",
    "shift again": "x = 1\nfor _ in range(60):\n    x = x << 4_000",
    "shift of a shift": "x = 3\nfor _ in range(60):\n    x = (x << 4_000) * x",
    "large decimal": "x = str(9 ** 999 * 9 ** 999 * 9 ** 999 * 9 ** 999 * 9 ** 999 * 9 ** 999 * 9 ** 999)",
    "int of many digits": 'x = int("1" * 4000, 36)',
    "int of text": 'x = int("1" * 190_000, 16)',
    "int of bytes": 'x = int.from_bytes(b"a" * 190_000, "big")',
    "literal of many digits": "x = " + "9" * 4_000,
    "hex literal": "x = 0x" + "f" * 100_000,
    "hex": "x = hex(1 << 4_000 << 4_000)",
    "float of an int": "x = float(10**400)",
    "a float no float holds": "x = 10**400 / 3",
    "a ratio": "x = 10**400 * 1.5",
    "round": "x = round(1.5, 10**9)",
    "round of an int": "x = round(7, -(10**9))",
    "divmod": "x = divmod(10**999, 7)",
    "complex power": "x = (1 + 2j) ** 999_999",
    "to_bytes": 'x = (1).to_bytes(10**9, "big")',
    "factorial": "import math\nx = math.factorial(10**6)",
    "comb": "import math\nx = math.comb(10**6, 10**5)",
    "math power": "import math\nx = math.pow(10, 400)",
    "lcm": "import math\nx = 1\nfor i in range(64):\n    x = math.lcm(x, 10**300 + i)",
    "sum of ranges": "x = sum(range(10**30))",
    "range": "x = list(range(10**30))",
    "negative range": "x = range(0, -(10**30), -1)[10**29]",
    "range reversed": "x = list(reversed(range(10**12)))",
    "fraction": "from fractions import Fraction\nx = Fraction(1, 3) ** 10**7",
    "decimal": "from decimal import Decimal\nx = Decimal(10) ** 10**9",
    # lists, tuples, mappings
    "list times": "x = [1] * 10**9",
    "tuple times": "x = (1,) * 10**9",
    "list doubled": "x = [1]\n" + "x = x + x\n" * 60,
    "list extended": "x = [1]\nfor _ in range(60):\n    x.extend(x)",
    "list in place": "x = [1]\nfor _ in range(60):\n    x += x",
    "list in a list": "x = [1]\n" + "x = [x, x]\n" * 60,
    "tuple in a tuple": "x = (1,)\n" + "x = (x, x)\n" * 60,
    "mapping in a mapping": 'x = {"a": 1}\n' + 'x = {"a": x, "b": x}\n' * 60,
    "list of one in itself": "x = [1]\nx.append(x)\nx.append(x)",
    "mapping in itself": 'x = {}\nx["a"] = x\nx["b"] = x',
    "described": "x = [1]\n" + "x = [x, x]\n" * 60 + 'x = f"{x}" + str(x) + repr(x)',
    "compared": "x = [1]\ny = [1]\n" + "x, y = [x, x], [y, y]\n" * 60 + "x = 1 if x == y else 2",
    "deep copied": "x = [1]\n" + "x = [x, x]\n" * 60 + "x = copy.deepcopy(x)",
    "deep copied in itself": "x = [1]\nx.append(x)\nx = copy.deepcopy(x)",
    "deep copied again": "x = [1] * 900\nfor _ in range(20):\n    x = [copy.deepcopy(x), copy.deepcopy(x)]",
    "starred": "x = [1]\n" + "x = [*x, *x]\n" * 60,
    "starred mapping": 'x = {"a": 1}\nfor i in range(64):\n    x = {**x, str(i): x}',
    "sum of lists": "x = sum([[1] * 900] * 900, [])",
    "sum that doubles": "x = [1]\nfor _ in range(60):\n    x = sum([x, x], [])",
    "comprehension": "x = [i for i in range(900) for j in range(900) for k in range(900)]",
    "comprehension that doubles": "x = [1]\nfor _ in range(60):\n    x = [i for i in x for _ in (1, 2)]",
    "nested comprehension": "x = [[[i for i in range(900)] for j in range(900)] for k in range(900)]",
    "itertools.product": "x = list(itertools.product(range(900), range(900), range(900)))",
    "product repeated": 'x = list(itertools.product("ab", repeat=60))',
    "permutations": "x = list(itertools.permutations(range(60)))",
    "combinations": "x = list(itertools.combinations(range(60), 30))",
    "chain": "x = [1]\nfor _ in range(60):\n    x = list(itertools.chain(x, x))",
    "repeat": "x = list(itertools.repeat(1, 10**9))",
    "count": "x = list(itertools.islice(itertools.count(), 10**9))",
    "cycle": "x = list(itertools.islice(itertools.cycle([1]), 10**9))",
    "accumulate": "x = list(itertools.accumulate([[1]] * 60, lambda a, b: a + a))",
    "zip": "x = list(zip(range(10**9), range(10**9)))",
    "enumerate": 'x = list(enumerate("a" * 190_000))',
    "map": 'x = list(map(str, "a" * 190_000))',
    "list of text": 'x = list("a" * 190_000)',
    "set of text": 'x = set("a" * 190_000)',
    "set of many": "x = set(range(900)) | set(range(900, 1800))\nfor i in range(60):\n    x = x | {i}",
    "sorted text": 'x = sorted("ab" * 90_000)',
    "dict of many": "x = dict.fromkeys(range(10**9))",
    "dict of text": 'x = dict.fromkeys("a" * 190_000)',
    "reduce that doubles": "x = functools.reduce(lambda a, b: a + a, range(60), [1])",
    "reduce of texts": 'x = functools.reduce(lambda a, b: a + a, range(60), "ab")',
    "reduce of pairs": "x = functools.reduce(lambda a, b: (a, a), range(60), 1)",
    "slice": "x = list(range(900))[::1] * 900",
    "slice assigned": "x = [1]\nfor _ in range(60):\n    x[1:1] = x",
    "zip of itself": "x = [1]\nfor _ in range(60):\n    x = list(zip(x, x))",
    "bytearray": "x = bytearray(10**9)",
    "bytes of a number": "x = bytes(10**9)",
    "array": 'import array\nx = array.array("i", [1]) * 10**9',
    "deque": "from collections import deque\nx = deque([1])\nfor _ in range(60):\n    x.extend(x)",
    "counter": 'from collections import Counter\nx = list(Counter("a" * 190_000).elements())',
    "counter times": "from collections import Counter\nx = list(Counter({1: 10**9}).elements())",
    "numpy": "import numpy as np\nx = list(np.arange(10**9))",
    "linspace": "import numpy as np\nx = np.linspace(0, 1, 10**9).tolist()",
    "random": "x = random.choices([1, 2], k=10**9)",
    "sample": "x = random.sample(range(10**9), 10**8)",
    # patterns of the script's own
    "search": 'x = re.search(r"(a|aa)+$", "a" * 3_900 + "b")',
    "alternatives": 'x = re.search(r"(?:a|b|ab)*c", "ab" * 1_900)',
    "optional": 'x = re.match("a?" * 30 + "a" * 30, "a" * 30)',
    "neighbouring stars": 'x = re.search(r"a*a*a*a*a*a*a*b", "a" * 3_900)',
    "dots": 'x = re.search(r".*.*.*.*=.*", "x" * 3_900)',
    "nested": 'x = re.fullmatch(r"(x+x+)+y", "x" * 3_900)',
    "nested in a lookahead": 'x = re.search(r"(?=(a+)+b)", "a" * 3_900)',
    "split": 'x = re.split(r"(a|aa)+$", "a" * 3_900 + "b")',
    "findall": 'x = re.findall(r"(?:a|a)*b", "a" * 3_900)',
    "sub": 'x = re.sub(r"(a|aa)+$", "", "a" * 3_900 + "b")',
    "compiled": 'x = re.compile(r"(a|aa)+$").search("a" * 3_900 + "b")',
    "compiled sub": 'x = re.compile(r"(a|a?)+$").sub("", "a" * 3_900 + "b")',
    "counted": 'x = re.search(r"(?:a{1,30}){1,30}b", "a" * 3_900)',
    "a large count": 'x = re.search(r"a{65000}" * 10, "a" * 3_900)',
    "nested counts": 'x = re.compile(r"(?:(?:(?:a{999}){999}){999}){999}").match("a")',
    "ignored case": 'x = re.search(r"(A|aa)+$", "a" * 3_900 + "b", re.I)',
    "back references": r'x = re.search(r"(a*)\1\1\1b", "a" * 3_900)',
    "spaces": r'x = re.search(r"\s+\s+$", " " * 3_900 + "b")',
    "one star": r'x = re.search(r"\s+$", " " * 3_900 + "b")',
    # programs
    "class diamonds": "class A0: pass\nclass B0: pass\n"
    + "".join(f"class A{i}(A{i - 1}, B{i - 1}): pass\nclass B{i}(A{i - 1}, B{i - 1}): pass\n" for i in range(1, 22))
    + "x = A21().missing",
    "class diamonds in order": "class A0: pass\n"
    + "".join(
        f"class L{i}(A{i - 1}): pass\nclass R{i}(A{i - 1}): pass\nclass A{i}(L{i}, R{i}): pass\n" for i in range(1, 23)
    )
    + "x = A22().missing",
    "a chain of classes": "class A0: pass\n"
    + "".join(f"class A{i}(A{i - 1}): pass\n" for i in range(1, 900))
    + "x = A899().y",
    "a chain of attributes": "x = lib" + ".a" * 5_000,
    "a chain of calls": "x = lib" + ".a()" * 2_000,
    "a chain of items": "x = lib" + "[0]" * 2_000,
    "a chain of sums": "x = 1" + " + 1" * 5_000,
    "a chain of texts": 'x = "a"' + ' + "a"' * 5_000,
    "terms that double": "x = lib.x\n" + "x = x + x\n" * 60,
    "terms in lists": "x = lib.x\n" + "x = [x + x, x]\n" * 60,
    "terms in calls": "x = lib.x\n" + "x = lib.f(x, x)\n" * 60,
    "texts with holes": 'x = f"{lib.x}"\n' + "x = x + x\n" * 60,
    "holes in holes": "x = lib.x\n" + 'x = f"{x}{x}"\n' * 60,
    "either doubles": "x = 1\n" + "".join(f"if lib.a{i}:\n    x = x + {2**i}\n" for i in range(60)),
    "either of lists": "x = [1]\n" + "".join(f"if lib.a{i}:\n    x = x + x\n" for i in range(60)),
    "either of texts": 'x = "a"\n' + "".join(f'if lib.a{i}:\n    x = x + "{i}"\n' for i in range(60)),
    "recursion": "def f(n):\n    return f(n - 1) + f(n - 1)\nx = f(60)",
    "fibonacci": "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\nx = f(60)",
    "ackermann": "def f(m, n):\n    return n + 1 if m == 0 else f(m - 1, 1) if n == 0 else f(m - 1, f(m, n - 1))\n"
    "x = f(4, 4)",
    "loops": "x = 0\nfor a in range(900):\n    for b in range(900):\n        for c in range(900):\n            x += 1",
    "while": "x = 1\nwhile x:\n    x = x + 1",
    "generators": "def g(n):\n    yield n\n    yield from g(n + 1)\n    yield from g(n + 1)\nx = list(g(0))",
    "closures": "x = lambda: 1\n" + "x = (lambda f: lambda: [f(), f()])(x)\n" * 30 + "x = x()",
    "decorators": "def d(f):\n    return lambda *a: [f(*a), f(*a)]\n" + "@d\n" * 30 + "def f():\n    return 1\nx = f()",
    "partials": "def f(*a, **k):\n    return a\nx = f\n" + "x = functools.partial(x, 1, a=2)\n" * 500 + "x = x()",
    "arguments that double": "def f(*a):\n    return a\nx = (1,)\n" + "x = f(*x, *x)\n" * 60,
    "keywords that double": "def f(**k):\n    return k\nx = {}\n" + "".join(f"x = f(**x, a{i}=x)\n" for i in range(60)),
    "instances": "class A:\n    pass\nx = A()\nfor i in range(60):\n    y = A()\n    y.a = x\n    y.b = x\n    x = y",
    "dataclasses": "import dataclasses\n@dataclasses.dataclass\nclass A:\n    a: object\n    b: object\nx = 1\n"
    + "x = A(x, x)\n" * 60
    + "x = dataclasses.asdict(x)",
    "dataclasses compared": "import dataclasses\n@dataclasses.dataclass\nclass A:\n    a: object\n    b: object\n"
    + "x = y = 1\n"
    + "x, y = A(x, x), A(y, y)\n" * 60
    + "x = 1 if x == y else 2",
    "named tuples": "from collections import namedtuple\nA = namedtuple('A', 'a b')\nx = 1\n" + "x = A(x, x)\n" * 60,
    "merged settings": "from omegaconf import OmegaConf\nx = OmegaConf.create({'a': 1})\n"
    + "x = OmegaConf.create({'a': x, 'b': x})\n" * 40
    + "x = OmegaConf.to_container(x, resolve=True)",
    "interpolation": "from omegaconf import OmegaConf\nx = OmegaConf.create({'a0': 'ab', "
    + ", ".join(f"'a{i}': '${{a{i - 1}}}${{a{i - 1}}}'" for i in range(1, 60))
    + "})\nx = x.a59",
    "interpolation in itself": "from omegaconf import OmegaConf\n"
    "x = OmegaConf.create({'a': '${b}${b}', 'b': '${a}${a}'}).a",
    "yaml laughs": "import yaml\nx = yaml.safe_load('''a0: &a0 [x, x]\n"
    + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
    + "''')",
    "match": "x = [1]\n" + "x = [x, x]\n" * 60 + "match x:\n    case [[a, b], [c, d]]:\n        x = a",
    "unpacked": "x = [1, 1]\n" + "x = [x, x]\n" * 60 + "(a, b), (c, d) = x",
    "in": "x = [1]\n" + "x = [x, x]\n" * 60 + "x = 3 in x",
    "sorted": "x = [1]\n" + "x = [x, x]\n" * 60 + "x = sorted(x)",
    "max": "x = [1]\n" + "x = [x, x]\n" * 60 + "x = max(x, x)",
    "hashed": "x = (1,)\n" + "x = (x, x)\n" * 60 + "x = {x: 1}",
    "as a set": "x = (1,)\n" + "x = (x, x)\n" * 60 + "x = {x, x}",
    "printed": "x = [1]\n" + "x = [x, x]\n" * 60 + "print(x, f'{x}')",
    "json of a graph": "x = [1]\n" + "x = [x, x]\n" * 60 + "x = json.dumps(x)",
    "pretty": "import pprint\nx = [1]\n" + "x = [x, x]\n" * 60 + "x = pprint.pformat(x)",
    # expressions whose value only the run decides
    **{
        f"unknown values: {expression}": f"x = os.environ['X']\nfor i in range(60):\n    x = {expression}"
        for expression in (
            *("x[x]", "x[x:x]", "re.sub(x, x, x)", "re.sub([x, x], x, [x])", "os.path.join(x, x)", "sorted(x, key=x)"),
            *("max(x, x)", "isinstance(x, (x, x))", "not x or x and x", "(x or x) and (x or not x)", "x.get(x, x)"),
        )
    },
    # many turns, each of which looks at all that the others made
    "sums of lists": f"{TURNS}x = sum([[1] * 900] * 900, [])",
    "reduced lists": f"{TURNS}x = functools.reduce(operator.add, [[1] * 900] * 900, [])",
    "long texts split": f'y = "a " * 90_000\n{TURNS}x = y.split()',
    "long texts searched": f'y = "a" * 190_000\n{TURNS}x = "a" * 90_000 + "b" in y',
    "patterns that go on too long": f"{TURNS}x = re.findall(r'a*?a*?b', 'a' * 3_000)",
    "long texts worked on": f'y = "\u0390" * 50_000\n{TURNS}x = y.title()',
    "calls that may raise": "try:\n"
    + indented(f"{TURNS}if y:\n            raise E(LoraConfig(r=i))")
    + "\nexcept E:\n    x = 1",
    "merges that are saved": "from transformers import AutoModelForCausalLM\nfrom peft import get_peft_model\n"
    "x = AutoModelForCausalLM.from_pretrained('m')\n"
    f"{TURNS}get_peft_model(x, LoraConfig()).merge_and_unload().save_pretrained('a')",
    "outputs decoded": "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
    "m, t = AutoModelForCausalLM.from_pretrained('m'), AutoTokenizer.from_pretrained('m')\n"
    f"{TURNS}x = t.decode(m.generate(max_new_tokens=i)[0])",
    "lists of the run that meet": f"x = []\n{TURNS}x.append(f'{{os.getpid()}} {{i}} {{j}}')\n"
    "        if os.getpid() > i:\n            x.append(os.getpid() + i)",
    "a long name of a model": 'from transformers import AutoModelForCausalLM\n'
    'x = SFTTrainer(AutoModelForCausalLM.from_pretrained("gemma3" * 15_000))',
    "flattened": "def flat(x):\n    return [z for y in x for z in flat(y)] if isinstance(x, list) else [x]\nx = [1]\n"
    + "x = [x, x]\n" * 60
    + "x = flat(x)",
}  # fmt: skip


def script(name: str) -> str:
    """The bomb, with what it made given to a trainer, and a run of its own."""
    return HEAD + BOMBS[name] + "\n" + NAMED + TAIL
