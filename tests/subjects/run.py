#!/usr/bin/env python3
"""run.py PERF_OPS BUILD_DIR [KIND...]: profiles programs that know where their time went, and compares.

Every share that a subject prints must be seen within 3 percentage points at >= 3,000 samples; the self times of
functions agree with `perf record --call-graph dwarf` (total-variation distance <= 0.05). TAP on stdout.
"""
import collections, os, re, resource, subprocess, sys, tempfile

PERF_OPS, BUILD = sys.argv[1], sys.argv[2]
HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = sys.argv[3:] or ["plain", "inlined", "tail", "recursion", "deep", "signal", "plugin", "vdso", "plt", "threads"]
TOLERANCE, WANTED, SECONDS, RATE = 0.03, 3000, 4, 999
GONE = {"tail": "jumps_away"}                   # what must not be on the stack of the phase any more
failed = 0
number = 0

def tap(ok, name, more=""):
    global failed, number
    number += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}{more}", flush=True)

def folded(path):
    for line in open(path, encoding="utf-8", errors="replace"):
        stack, _, count = line.rstrip("\n").rpartition(" ")
        yield stack.split(";"), int(count)

def plain(frame):                               # annotations of the format off: name_[k], name_[i]
    return re.sub(r"_\[[a-z]\]$", "", frame)

def inclusive(path):
    total, by = 0, collections.Counter()
    for stack, n in folded(path):
        total += n
        for f in {plain(f) for f in stack}:
            by[f] += n
    return total, by

def truths(text):
    return {m[0]: float(m[1]) for m in re.findall(r"^truth (\S+) ([0-9.]+)$", text, re.M)}


def check_shares(kind, tmp, env, tries=3):
    out = os.path.join(tmp, kind + ".folded")
    cmd = [PERF_OPS, "profile", "-F", str(RATE), "-q", "-o", out, "--", os.path.join(BUILD, "shapes"), kind, str(SECONDS)]
    r = subprocess.run(cmd, capture_output=True, text=True, env=env, timeout=120)
    if r.returncode == 3:
        tap(True, kind, f" # SKIP {r.stderr.strip().splitlines()[-1] if r.stderr else 'cannot measure here'}")
        return
    truth = truths(r.stdout)
    if r.returncode or not truth:
        return tap(False, kind, f"\n# exit {r.returncode}: {r.stderr[-600:]}")
    total, by = inclusive(out)
    if total < WANTED and tries > 1:            # a machine that was elsewhere for a while: not a measurement yet
        print(f"# {kind}: only {total} samples, again", flush=True)
        return check_shares(kind, tmp, env, tries - 1)
    shares = {f: by[f] / total for f in truth} if total else {}
    worst = max((abs(shares.get(f, 0) - truth[f]) for f in truth), default=1)
    told = ", ".join(f"{f} {100 * shares.get(f, 0):.1f} % (really {100 * t:.1f} %)" for f, t in truth.items())
    ok = worst <= TOLERANCE and total >= WANTED
    if kind in GONE:
        ok = ok and by[GONE[kind]] / max(total, 1) < 0.02
    tap(ok, f"{kind}: {told}; {total} samples, worst {100 * worst:.2f} points")

def check_kernel(tmp):
    """dd copies in the kernel: the share of kernel time must be what getrusage says."""
    out = os.path.join(tmp, "dd.folded")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cmd = [PERF_OPS, "profile", "-F", str(RATE), "-q", "-o", out, "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=150000"]
    r = subprocess.run(cmd, capture_output=True, text=True, timeout=120)
    if r.returncode == 3:
        return tap(True, "dd", " # SKIP cannot measure here")
    total = kernel = 0
    for stack, n in folded(out):
        total += n
        kernel += n if stack[-1].endswith("_[k]") else 0
    alone = subprocess.run(["bash", "-c", "TIMEFORMAT='%U %S'; time dd if=/dev/zero of=/dev/null bs=1M count=150000 2>/dev/null"],
                           capture_output=True, text=True)
    user, system = map(float, alone.stderr.split()[-2:])
    truth = system / (user + system)
    seen = kernel / max(total, 1)
    tap(abs(seen - truth) <= TOLERANCE, f"dd: kernel {100 * seen:.1f} % (really {100 * truth:.1f} %), {total} samples")

def self_shares(pairs):
    by = collections.Counter()
    for leaf, n in pairs:
        by[leaf] += n
    total = sum(by.values())
    return {k: v / total for k, v in by.items()} if total else {}

def check_against_perf(tmp, env):
    """Our self times beside those of perf's dwarf mode, for the same program."""
    subject = [os.path.join(BUILD, "shapes"), "plain", str(SECONDS)]
    perf_file = os.path.join(tmp, "perf.data")
    perf = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", str(RATE), "--call-graph", "dwarf,4096", "-o", perf_file, "--"] + subject,
                          capture_output=True, text=True)
    if perf.returncode:
        return tap(True, "perf", " # SKIP perf record does not work here")
    script = subprocess.run(["perf", "script", "-i", perf_file, "-F", "ip,sym", "--no-inline"], capture_output=True, text=True).stdout
    theirs = self_shares((block.strip().splitlines()[0].split(None, 1)[-1].strip(), 1) for block in script.split("\n\n") if block.strip())
    out = os.path.join(tmp, "ours.folded")
    r = subprocess.run([PERF_OPS, "profile", "-F", str(RATE), "--no-kernel", "-q", "-o", out, "--"] + subject, capture_output=True, text=True, env=env)
    if r.returncode == 3:
        return tap(True, "perf", " # SKIP cannot measure here")
    ours = self_shares((plain(next(f for f in reversed(stack) if not f.endswith("_[i]"))), n) for stack, n in folded(out))
    shared = set(ours) & set(theirs)
    scale_o, scale_t = sum(ours[k] for k in shared), sum(theirs[k] for k in shared)
    distance = sum(abs(ours[k] / scale_o - theirs[k] / scale_t) for k in shared) / 2 if shared else 1
    tap(distance <= 0.05 and scale_o > 0.9, f"perf dwarf: total-variation distance {distance:.4f} over {len(shared)} functions ({100 * scale_o:.1f} % of our samples)")

with tempfile.TemporaryDirectory() as tmp:
    env = dict(os.environ, SUBJECT_PLUGIN=os.path.join(BUILD, "libplugin.so"))
    for kind in KINDS:
        check_shares(kind, tmp, env)
    if not sys.argv[3:]:
        check_kernel(tmp)
        check_against_perf(tmp, env)
print(f"1..{number}")
sys.exit(0)
