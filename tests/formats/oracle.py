#!/usr/bin/env python3
"""oracle.py NAME: what the original tools make of our files, and we of theirs. Exit 0 good, 1 bad, 77 skipped with a reason.

  corpus      files of the original tools are recognised, read, and give the table that the tool itself gives
  go_pprof    `go tool pprof -top` agrees with our own table
  speedscope  its JSON schema, and the program itself in a headless browser
  firefox     every table rule of the processed profile format; and the profiler's own code (npm, profiler-cli)
  flamegraph  collapsed stacks come through unchanged; flamegraph.pl or inferno draw them

The npm packages are installed below WORK, a folder of the build tree; NODE_MODULES=folder takes them from there instead.
"""
import gzip, json, os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "corpus")
CONVERT = os.environ["CONVERT"]
WORK = os.environ["WORK"]
sys.path.insert(0, os.path.join(HERE, "..", "..", "tools"))
import npm_ci


class Skip(Exception):
    pass


def run(*argv, **more):
    r = subprocess.run(argv, capture_output=True, text=True, errors="replace", **more)
    assert r.returncode == 0, f"{' '.join(argv)}: exit {r.returncode}\n{r.stdout[-2000:]}{r.stderr[-2000:]}"
    return r.stdout


def need(program):
    path = shutil.which(program)
    if not path:
        raise Skip(f"{program} is not installed")
    return path


def module(*path):
    modules = os.environ.get("NODE_MODULES")
    why = None if modules else npm_ci.install(HERE, WORK)
    if why:
        raise Skip(f"{path[0]}: {why}")
    return os.path.join(modules or os.path.join(WORK, "node_modules"), *path)


def profiles():
    return [os.path.join(CORPUS, f) for f in sorted(os.listdir(CORPUS)) if not f.endswith("perf.data")]


def table(path):  # function -> (self, total) of the main kind
    return {n: (int(s), int(t)) for s, t, n in (l.split("\t", 2) for l in run(CONVERT, path, "top").splitlines())}


def corpus(tmp):
    for path in profiles():
        assert table(path), f"{path}: no functions"
    t = table(os.path.join(CORPUS, "perf-fp.perf-script"))
    text = open(os.path.join(CORPUS, "perf-fp.perf-script")).read()
    samples = re.findall(r"(\d+) cpu-clock:\w+: \n\t\s*[0-9a-f]+ (\S+?)\+0x", text)
    assert sum(int(p) for p, f in samples if f == "inner") == t["inner"][0] > 0, "self time of inner"
    assert sum(int(p) for p, f in samples) == sum(s for s, _ in t.values()), "sum of all"
    nodes = json.load(open(os.path.join(CORPUS, "node.cpuprofile")))
    fib = {n["id"] for n in nodes["nodes"] if n["callFrame"]["functionName"] == "fib"}
    deltas = nodes["timeDeltas"] + [nodes["endTime"] - nodes["startTime"] - sum(nodes["timeDeltas"])]
    want = sum(max(0, deltas[i + 1]) for i, s in enumerate(nodes["samples"]) if s in fib)
    got = table(os.path.join(CORPUS, "node.cpuprofile"))["fib"][0]
    assert got == want * 1000 > 0, f"fib: {got} ns, not {want} us"


def pprof_top(path):
    out = run(need("go"), "tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0", "-edgefraction=0", "-unit=ns",
              "-symbolize=none", path, env={**os.environ, "PPROF_TMPDIR": os.path.dirname(path)})
    rows = re.findall(r"^\s*(-?[\d.]+)(?:ns)?\s+\S+%\s+\S+%\s+(-?[\d.]+)(?:ns)?\s+\S+%\s+(.*?)(?: \(inline\))?$", out, re.M)
    return {n: (float(s), float(t)) for s, t, n in rows}


def go_pprof(tmp):
    need("go")
    for path in profiles():
        if "heap" in path:  # pprof scales those by the sampling rate
            continue
        ours = os.path.join(tmp, "ours.pb.gz")
        run(CONVERT, path, "pprof", ours)
        want, got = table(path), pprof_top(ours)
        for name, (self_, total) in want.items():
            if not name:
                continue
            assert name in got, f"{path}: pprof does not know {name!r}: {sorted(got)[:5]}"
            assert abs(got[name][0] - self_) <= 1 and abs(got[name][1] - total) <= 1, f"{path}: {name}: {got[name]}"
        assert len(got) >= len([n for n in want if n])


def valid(schema, root, v, where="$"):  # the part of JSON Schema draft 7 that the schema uses
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            target = target[part]
        return valid(target, root, v, where)
    if "anyOf" in schema:
        errors = []
        for s in schema["anyOf"]:
            try:
                return valid(s, root, v, where)
            except AssertionError as e:
                errors.append(str(e))
        raise AssertionError(f"{where}: none of {errors}")
    kinds = {"object": dict, "array": list, "string": str, "number": (int, float), "boolean": bool}
    if "type" in schema:
        assert isinstance(v, kinds[schema["type"]]), f"{where}: {v!r:.40} is no {schema['type']}"
    assert "const" not in schema or v == schema["const"], f"{where}: {v!r} is not {schema['const']!r}"
    assert "enum" not in schema or v in schema["enum"], f"{where}: {v!r} is not in {schema['enum']}"
    if isinstance(v, dict):
        for k in schema.get("required", []):
            assert k in v, f"{where}: {k} is missing"
        for k, s in schema.get("properties", {}).items():
            if k in v:
                valid(s, root, v[k], f"{where}.{k}")
    if isinstance(v, list) and "items" in schema:
        for i, x in enumerate(v):
            valid(schema["items"], root, x, f"{where}[{i}]")


def speedscope(tmp):
    release = module("speedscope", "dist", "release")
    schema = json.load(open(os.path.join(release, "file-format-schema.json")))
    ours = os.path.join(tmp, "ours.speedscope.json")
    for path in profiles():
        run(CONVERT, path, "speedscope", ours)
        doc = json.load(open(ours))
        valid(schema, schema, doc)
        for p in doc["profiles"]:
            assert len(p["samples"]) == len(p["weights"]) and p["endValue"] == sum(p["weights"])
            assert all(0 <= f < len(doc["shared"]["frames"]) for s in p["samples"] for f in s)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        raise Skip("the schema holds; chromium is not installed to try the program itself")
    import base64
    name = "of-perf-ops"
    doc["name"] = name
    load = os.path.join(tmp, "load.js")
    with open(load, "w") as f:
        f.write(f"speedscope.loadFileFromBase64('{name}.speedscope.json', '{base64.b64encode(json.dumps(doc).encode()).decode()}')")
    dom = run(browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--virtual-time-budget=10000",
              f"--user-data-dir={tmp}/browser", "--dump-dom", f"file://{release}/index.html#localProfilePath={load}", timeout=90)
    assert "Left Heavy" in dom and "went wrong" not in dom, "speedscope did not show the file:\n" + dom[-1500:]


COLUMNS = {
    "stackTable": ["frame", "prefix"],
    "frameTable": ["address", "inlineDepth", "category", "subcategory", "func", "nativeSymbol", "innerWindowID", "line", "column"],
    "funcTable": ["name", "isJS", "relevantForJS", "resource", "source", "lineNumber", "columnNumber"],
    "resourceTable": ["lib", "name", "host", "type"],
    "nativeSymbols": ["libIndex", "address", "name", "functionSize"],
    "sources": ["uuid", "filename"],
}
POINTS = [("stackTable", "frame", "frameTable", False), ("frameTable", "func", "funcTable", False),
          ("funcTable", "source", "sources", True)]


def firefox_rules(doc):
    shared, n_strings = doc["shared"], len(doc["shared"]["stringArray"])
    for t, columns in COLUMNS.items():
        for c in columns:
            assert len(shared[t][c]) == shared[t]["length"], f"{t}.{c}: its length is not that of the table"
    for t, c, to, null in POINTS:
        for v in shared[t][c]:
            assert (v is None and null) or 0 <= v < shared[to]["length"], f"{t}.{c}: {v}"
    for t, c in (("funcTable", "name"), ("resourceTable", "name"), ("sources", "filename")):
        assert all(0 <= v < n_strings for v in shared[t][c]), f"{t}.{c} beyond the strings"
    for i, p in enumerate(shared["stackTable"]["prefix"]):
        assert p is None or 0 <= p < i, "a prefix behind its stack"
    assert all(-1 <= v < shared["resourceTable"]["length"] for v in shared["funcTable"]["resource"])
    assert all(0 <= v < len(doc["libs"]) for v in shared["resourceTable"]["lib"])
    categories = doc["meta"]["categories"]
    assert any(c["color"] == "grey" for c in categories) and all(c["subcategories"] for c in categories)
    assert all(0 <= v < len(categories) for v in shared["frameTable"]["category"])
    for t in doc["threads"]:
        s = t["samples"]
        for c in ("stack", "timeDeltas", "weight"):
            assert len(s[c]) == s["length"], f"samples.{c}"
        assert all(v is None or 0 <= v < shared["stackTable"]["length"] for v in s["stack"])
        assert all(d >= 0 for d in s["timeDeltas"]), "time runs backwards"
        assert s["weightType"] in ("samples", "tracing-ms", "bytes") and isinstance(t["pid"], str)
        for c in ("data", "name", "startTime", "endTime", "phase", "category"):
            assert len(t["markers"][c]) == t["markers"]["length"]


def firefox_program(tmp, path):
    cli = module("@firefox-devtools", "profiler-cli", "dist", "profiler-cli.js")
    env = {**os.environ, "HOME": tmp}
    alive = subprocess.run(["node", cli, "--version"], env=env, capture_output=True, text=True, timeout=60)
    if alive.returncode:
        node = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
        why = re.search(r"^\w*Error.*$", alive.stderr, re.M)
        raise Skip(f"the rules hold; profiler-cli does not run on node {node}: {why[0] if why else 'it asks for 24'}")
    try:
        for _ in range(5):  # its daemon is given half a second to start, which a busy machine needs for itself
            if subprocess.run(["node", cli, "load", path], env=env, capture_output=True, timeout=60).returncode == 0:
                break
        out = run("node", cli, "thread", "functions", env=env, timeout=60)
    finally:
        subprocess.run(["node", cli, "stop", "--all"], env=env, capture_output=True, timeout=60)
    return {n: int(s) for n, s in re.findall(r"^\s*f-\d+\. (?:[^!\n]*!)?(.*?) - self: (\d+)", out, re.M)}


def firefox(tmp):
    ours = os.path.join(tmp, "ours.firefox.json")
    for path in profiles():
        run(CONVERT, path, "firefox", ours)
        firefox_rules(json.load(open(ours)))
    need("node")
    path = os.path.join(CORPUS, "perf-fp.perf-script")
    run(CONVERT, path, "firefox", ours)
    text = open(path).read()
    leaf = re.findall(r"cpu-clock:\w+: \n\t\s*[0-9a-f]+ (\S+?)\+0x", text)
    got = firefox_program(tmp, ours)
    assert got.get("inner") == leaf.count("inner") > 0, f"inner: {got}"


def flamegraph(tmp):
    one, two = os.path.join(tmp, "one.collapsed"), os.path.join(tmp, "two.collapsed")
    for path in profiles():
        if "heap" in path:  # may count no samples, and 0 is no line
            continue
        run(CONVERT, path, "collapsed", one)
        run(CONVERT, one, "collapsed", two)
        assert sorted(open(one)) == sorted(open(two)), f"{path}: changed on the way"
        assert all(re.fullmatch(r"\S.* \d+\n", line) for line in open(one))
    for tool in ("inferno-flamegraph", "flamegraph.pl"):
        if shutil.which(tool):
            svg = run(tool, one)
            assert "<svg" in svg and "fib" in open(one).read() or "inner" in svg
            return
    raise Skip("the round trip holds; neither inferno-flamegraph nor flamegraph.pl is installed to draw it")


def main():
    tests = {f.__name__: f for f in (corpus, go_pprof, speedscope, firefox, flamegraph)}
    with tempfile.TemporaryDirectory() as tmp:
        try:
            tests[sys.argv[1]](tmp)
        except Skip as e:
            print("SKIP:", e)
            return 77
        except AssertionError as e:
            print("FAILED:", e)
            return 1
    return 0


sys.exit(main())
