#!/usr/bin/env python3
"""perf_data.py PERF_OPS BUILD_DIR: files that the installed perf writes, beside what `perf report` says about them. TAP on stdout.

Both read the same samples, so the shares of functions must agree to the digits that perf prints; only functions that have
several names, or that perf knows from a cache of its own, may be called differently: the total-variation distance is <= 0.02.
"""
import collections, os, re, shutil, subprocess, sys, tempfile

PERF_OPS, BUILD = sys.argv[1], sys.argv[2]
SHAPES = os.path.join(BUILD, "shapes")
ENV = dict(os.environ, SUBJECT_PLUGIN=os.path.join(BUILD, "libplugin.so"), LC_ALL="C.UTF-8")
KINDS = [                                       # name, options of perf record, what runs
    ("frame pointers", ["-e", "cpu-clock", "-g"], "plain"),
    ("copied stacks", ["-e", "cpu-clock", "--call-graph", "dwarf,4096"], "plain"),
    ("build-ids in the mappings", ["-e", "cpu-clock", "-g", "--buildid-mmap"], "plugin"),
    ("no stacks, task-clock", ["-e", "task-clock"], "plt"),
    ("user only", ["-e", "cpu-clock:u", "-g"], "recursion"),
    ("the whole machine", ["-e", "cpu-clock", "-a", "-g"], "threads"),
    ("two events", ["-e", "cpu-clock", "-e", "page-faults", "-g"], "plain"),
    ("a pipe", ["-e", "cpu-clock", "-g", "-o", "-"], "plain"),
]
number = failed = 0


def tap(ok, name, more=""):
    global number, failed
    number += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}{'' if ok and 'SKIP' not in more else more}", flush=True)


def plain(name):
    """One spelling of the aliases and clones in libc and of what a demangler adds."""
    name = re.sub(r" \(inlined\)|@plt$|@@.*$|\.(constprop|isra|part|cold)\.?\d*|\(.*", "", name)
    return re.sub(r"^_+(GI_+)?", "", name).replace("strtoull", "strtoul")


def of_perf(data):
    report = subprocess.run(["perf", "report", "--stdio", "--no-children", "-i", data, "-g", "none", "-F", "overhead,sym", "--percent-limit", "0"],
                            capture_output=True, text=True, env=ENV).stdout
    shares, event = collections.Counter(), 0
    for line in report.splitlines():
        event += line.startswith("# Samples:")
        share = re.match(r"\s*([\d.]+)%\s+\[(.)\]\s+(.*?)\s*$", line)
        if share and event == 1:
            shares[plain(share[3])] += float(share[1]) / 100
    return shares


def of_ours(data, out):
    r = subprocess.run([PERF_OPS, "view", "-q", data if data else "-", "-o", out], capture_output=True, text=True, env=ENV, timeout=120)
    if r.returncode:
        return None, r.stdout, f"exit {r.returncode}: {r.stderr}"
    count = collections.Counter()
    for line in open(out, encoding="utf-8", errors="replace"):
        stack, _, n = line.rpartition(" ")
        leaf = next((f for f in reversed(stack.split(";")) if not f.endswith("_[i]")), "?")
        count[plain(re.sub(r"_\[[a-z]\]$", "", leaf))] += int(n)
    total = sum(count.values())
    return {f: n / total for f, n in count.items()}, r.stdout, ""


def check(name, options, kind, tmp):
    data, out = os.path.join(tmp, "perf.data"), os.path.join(tmp, "out.folded")
    argv = ["perf", "record", "-q", "-F", "999", *options]
    if "-o" not in options:
        argv += ["-o", data]
    with open(data, "wb") as pipe:
        r = subprocess.run(argv + ["--", SHAPES, kind, "1"], env=ENV, stdout=pipe if "-o" in options else subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True, timeout=60)
    if r.returncode:
        return tap(True, name, f" # SKIP perf record: {(r.stderr.strip().splitlines() or ['failed'])[0]}")
    theirs, (ours, text, why) = of_perf(data), of_ours(data, out)
    if ours is None or not theirs:
        return tap(False, name, f"\n# {why or 'perf report shows nothing'}")
    hot = [f for f, share in theirs.items() if share > 0.05]
    # What a machine does beside us may have been built again since; what we run ourselves is there.
    known = [f for f in set(ours) | set(theirs) if "-a" not in options or f in hot]
    distance = sum(abs(ours.get(f, 0) - theirs.get(f, 0)) for f in known) / 2
    told = ", ".join(f"{f} {100 * ours.get(f, 0):.1f} % (perf {100 * theirs[f]:.1f} %)" for f in hot[:3])
    cut = re.search(r"([\d,]+) stacks truncated", text)
    samples = re.search(r"([\d,]+) samples?,", text)
    # Every copied stack is cut, and each is counted once.
    counted = "dwarf,4096" not in options or (cut and samples and cut.group(1) == samples.group(1))
    tap(hot and distance <= 0.02 and counted and "kernel functions have no names" not in text, f"{name}: distance {distance:.4f}; {told}",
        f"\n# {text[-600:]!r}")


if not shutil.which("perf"):
    print("1..0 # SKIP perf is not installed; tools/deps test installs it")
    sys.exit(0)
with tempfile.TemporaryDirectory() as tmp:
    for kind in KINDS:
        check(*kind, tmp)
print(f"1..{number}")
