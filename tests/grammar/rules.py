"""The templates: for each word what may be written in its place."""

from __future__ import annotations

WORDS = {
    "digit": "1 0 2 3 4 7 9 -1 -2",
    "name": "a b c",
    "thing": "o p",
    "key": '"r" "n"',
}

LINES = {
    "atom": """
        <digit>
        <name>
        <name>
        <thing>.r
        <thing>.n
        d.get(<key>, 5)
        e[<key>]
        xs[0]
        ys[-1]
        len(xs)
        sum(ys)
        max(xs)
        len(d)
        C.r
        len(s)
        o.twice
        @ f(<digit>)
        @ f(<digit>, b=<name>)
        @ g(<name>, ys, e, p)
        @ g(b=<digit>, *[a, xs], **{"d": d, "o": o})
        @ h(<digit>)()
        @ o.bump(<digit>)
        @ next(gen(<digit>))
        @ sum(gen(<name>))
        @ memo(<digit>)
    """,
    "number": """
        <atom>
        <atom>
        <atom>
        <atom>
        <atom>
        <atom>
        <atom>
        <atom>
        (<number> + <number>)
        (<number> - <number>)
        (<number> * <number> % 97)
        (<number> // 3)
        (<number> % 4)
        min(<number>, <number>)
        abs(<number>)
        (<number> or <number>)
        (<number> and <number>)
        (<number> if <test> else <number>)
        int(str(<number>))
        -<number>
        [<number>, <number>][1]
        {"r": <number>, **d}["r"]
        (c := <number>)
        (lambda v=a: v + <number>)()
        round(<number> / 2)
        int(<number> / 2)
        (<number> & 6 | 1)
        {1: <number>, True: <number>}[1]
        getattr(<thing>, <key>)
        next(iter(xs), <number>)
        int(f"{<name>:d}")
    """,
    "test": """
        <number> < <number>
        <number> == <number>
        0 < <number> <= <number>
        BIG
        not BIG
        args.n > 3
        BIG and <number> > 1
        <key> in d
        <number> in xs
        not <number>
        d is e
        o is p
        xs == ys
        xs
        isinstance(<number>, int)
        any(v > 2 for v in xs)
        all([BIG, <number>])
    """,
    "list": """
        [<number>, <number>]
        [v % 7 for v in xs]
        [v for v in ys if v > <number>]
        (xs + ys)[:5]
        [*ys[:3], <number>]
        list(d.values())
        sorted(xs)
        ys[::-1]
        list(range(<number> % 4))
        list(map(abs, xs))
        [v + w for v, w in zip(xs, ys)]
        list(reversed(ys))
        list(filter(None, xs))
        [v for row in [xs, ys] for v in row][:4]
        xs * 2 if len(xs) < 3 else xs
    """,
    "dict": """
        dict(r=<number>, n=<number>)
        {"r": <number>, **e}
        dict(d)
        {**e}
        d | e
        {k: v + 1 for k, v in d.items()}
        e.copy()
        vars(o).copy() | e
        dict(zip(["n", "r"], [<number>, <number>]))
        {**d, <key>: <number>}
    """,
    "seen": """
        <number>
        s
        xs
        d
        e
        ys[-1:]
        sorted(d)
        list(d)
        tuple(xs)
        args.n
        args.n + 1
        N * 2
        [a, s]
        {"x": xs, "b": b}
        o.n
        C.r
        type(a).__name__
        1.5 * <number>
        <test>
    """,
    "text": """
        f"{a}-{b:03d}"
        (s + "x")[:5]
        s.upper().replace("X", "")
        "%s|%d" % (a, b)
        "-".join(map(str, xs))[:9]
        "{0}{k}".format(a, k=b)
        str(<number>)
        s or "y"
    """,
    "simple": """
        <name> = <number>
        ASK(<seen>)
        ASK(<seen>)
        ASK(<number>)
        ASK(<thing>.r)
        <name> += <number>
        <name> -= <number>
        a, b = <number>, <number>
        a, b = b, a
        a, *ys = [b, *ys[:3], c]
        <name> = <name> = <number>
        xs = <list>
        ys = <list>
        xs = ys
        ys = xs
        xs = ys[:]
        xs.append(<number>)
        ys += [<number>]
        ys[:0] = [<number>]
        xs[0] = <number>
        xs.insert(0, <number>)
        xs.reverse()
        ys.sort()
        xs.extend(ys[:2])
        del xs[1:3]
        ys = ys and ys[:4]
        xs.pop()
        d[<key>] = <number>
        e[<key>] += <number>
        d.update(e, r=<number>)
        d.setdefault(<key>, <number>)
        <name> = d.pop(<key>, 2)
        d = <dict>
        e = <dict> | e
        e |= d
        d = e
        e.update(d)
        o = p
        p = o
        o = C(<number>)
        p = C(n=<number>)
        o = copy.copy(p)
        p = copy.deepcopy(o)
        <thing>.r = <number>
        <thing>.n += <number>
        C.r = <number>
        Base.n = <number>
        setattr(<thing>, <key>, <number>)
        s = <text>
        a = b = <number>
        BIG and xs.append(<number>)
        BIG or d.update(r=<number>)
        assert <test> or True
    """,
    "raises": """
        pass
        d["none"]
        [][1]
        1 // 0
        int("x")
        None.r
        raise KeyError(a)
        xs[9]
        e["r"]
        raise ValueError
        assert not xs
    """,
    "error": """
        Exception
        KeyError
        (IndexError, KeyError)
        ValueError
        ZeroDivisionError
        LookupError
        AttributeError
    """,
    "jump": """
        break
        continue
    """,
    "pattern": """
        2
        b
        int()
        0 | 3
        -1
    """,
    "inside": """
        pass
        self.r = k
        k = self.r + 1
        self.n = C.r
    """,
}

STATEMENTS = """
<simple>
---
<simple>
---
<simple>
---
if <test>:
    <block>
---
if <test>:
    <block>
else:
    <block>
---
if <test>:
    <block>
elif <test>:
    <block>
else:
    <block>
---
for c in range(3):
    <block>
---
for a in xs[:3]:
    <block>
---
for k, b in list(d.items()):
    <block>
---
for i, c in enumerate([4, 5, 6]):
    if <test>:
        <jump>
    <block>
---
for c in (1, 2):
    <block>
    if <test>:
        break
else:
    <block>
---
n = 0
while n < 3:
    n += 1
    <simple>
    <simple>
---
n = 4
while True:
    n -= 1
    <simple>
    if n < 1 or <test>:
        break
---
try:
    <block>
    <raises>
    <simple>
except <error>:
    <block>
---
try:
    <block>
finally:
    <block>
---
try:
    <raises>
    <block>
except Exception as error:
    <simple>
else:
    <block>
---
with Scope(<number>) as a:
    <block>
---
match <number>:
    case 1:
        <block>
    case <pattern> if <test>:
        <block>
    case _:
        <block>
"""

RULES = {word: templates.split() for word, templates in WORDS.items()}
RULES |= {word: [line.strip() for line in text.strip().split("\n")] for word, text in LINES.items()}
RULES["statement"] = STATEMENTS.strip("\n").split("\n---\n")
RULES["block"] = ["<statement>", "<simple>\n<statement>", "<statement>\n<simple>", "<statement>\n<statement>"]
