#!/usr/bin/env python3
"""tape.py PERF_OPS BUILD_DIR: recordings that are written while they are made. TAP on stdout.

The view of a tape is the report of its recording; a tape that ends anywhere is read up to there; killing perf-ops, a full
disk and Ctrl-C cost at most the last second; files that are others now give no names.
"""
import os, random, re, shutil, signal, subprocess, sys, tempfile, time

PERF_OPS, BUILD = sys.argv[1], sys.argv[2]
SHAPES = os.path.join(BUILD, "shapes")
BYTES_A_SAMPLE = 40
number = failed = 0


def tap(ok, name, more=""):
    global number, failed
    number += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}{'' if ok and 'SKIP' not in more else more}", flush=True)


def perf_ops(*argv, **more):
    return subprocess.run([PERF_OPS, *argv], capture_output=True, text=True, timeout=60, **more)


def record(*argv, seconds="2", program=SHAPES):
    # Frames of the kernel: our own BPF programs among them have names only while they are loaded.
    return perf_ops("profile", "-F", "999", "--no-kernel", *argv, "--", program, "plain", seconds)


def samples(path):
    return sum(int(line.rsplit(" ", 1)[1]) for line in open(path, encoding="utf-8"))


def view(tape, *more):
    """exit, samples, stdout, stderr"""
    out = tape + ".folded"
    if os.path.exists(out):
        os.remove(out)
    r = perf_ops("view", "-q", tape, "-o", out, *more)
    return r.returncode, samples(out) if os.path.exists(out) else 0, r.stdout, r.stderr


def check_same(tmp):
    tape, live = os.path.join(tmp, "a.tape"), os.path.join(tmp, "live.folded")
    r = record("-o", tape, "-o", live, "-o", os.path.join(tmp, "a.html"))
    if r.returncode == 3:
        return tap(True, "tape", f" # SKIP {r.stderr.strip().splitlines()[-1] if r.stderr else 'cannot measure here'}")
    code, n, out, said = view(tape)
    same = code == 0 and sorted(open(live)) == sorted(open(tape + ".folded"))
    first = lambda text: re.sub(r"(?m)^truth .*\n", "", text.split("\n\n")[0].split("The command")[0])
    tap(r.returncode == 0 and same and "wrote " + tape in r.stderr, f"the view of a tape has the stacks of its recording: {n} samples",
        f"\n# exit {r.returncode}, {code}: {r.stderr}{said}")
    tap(first(out).split() == first(r.stdout).split(), "and its first sentences", f"\n# {first(r.stdout)!r}\n# {first(out)!r}")
    tap("limit" not in out and "end of the tape" not in out, "and no limits of its own", f"\n# {out[-600:]!r}")
    each = os.path.getsize(tape) / max(n, 1)
    tap(0 < each <= BYTES_A_SAMPLE, f"{each:.1f} bytes a sample")
    return tape if same else None


def check_cuts(tmp, tape):
    whole, rng, bad = open(tape, "rb").read(), random.Random(7), []
    last = 0
    for n in sorted(rng.sample(range(len(whole)), 40)):
        cut = os.path.join(tmp, "cut.tape")
        with open(cut, "wb") as f:
            f.write(whole[:n])
        code, seen, out, said = view(cut)
        sentence = "perf-ops: " in said if code == 4 else "the end of the tape is missing" in " ".join(out.split())
        if code not in (0, 4) or not sentence or seen < last or (code == 4 and seen):
            bad.append(f"at {n}: exit {code}, {seen} samples after {last}: {said[-200:]}")
        last = seen
    tap(not bad and last > 0, f"cut anywhere, it is read up to there: {last} samples", "".join(f"\n# {b}" for b in bad))


def wait_for(path, at_least):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if os.path.exists(path) and os.path.getsize(path) >= at_least:
            return True
        time.sleep(0.05)
    return False


def started(tape, target, *more):
    return subprocess.Popen([PERF_OPS, "profile", "-q", "-F", "999", "--no-kernel", "-d", "60", "-o", tape, *more, str(target.pid)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check_killed(tmp):
    """After the first second has arrived it is killed later; what is there then must not be older than a second."""
    tape = os.path.join(tmp, "killed.tape")
    with subprocess.Popen([SHAPES, "plain", "30"], stdout=subprocess.DEVNULL) as target:
        try:
            p = started(tape, target)
            there = wait_for(tape, 10000)
            begun = time.monotonic()
            time.sleep(2.2)
            before = os.path.getsize(tape)
            spent = time.monotonic() - begun
            p.send_signal(signal.SIGKILL)
            p.communicate()
        finally:
            target.kill()
    code, n, out, said = view(tape)
    told = re.search(r"([\d.]+) s watched", out)
    watched = float(told.group(1)) if told else 0
    tap(there and code == 0 and n > 300 and watched > spent - 1 and os.path.getsize(tape) >= before,
        f"killed: {n} samples of {watched} s are on the tape", f"\n# exit {code}, {spent:.1f} s: {out[:300]!r} {said}")


def check_stopped(tmp):
    tape = os.path.join(tmp, "stopped.tape")
    with subprocess.Popen([SHAPES, "plain", "30"], stdout=subprocess.DEVNULL) as target:
        try:
            p = started(tape, target)
            there = wait_for(tape, 2000)
            p.send_signal(signal.SIGINT)
            live, _ = p.communicate(timeout=30)
        finally:
            target.kill()
    code, n, out, said = view(tape)
    told = re.search(r"([\d,]+) samples", live)
    tap(there and p.returncode == 130 and code == 0 and "end of the tape" not in out and told and int(told.group(1).replace(",", "")) == n,
        f"Ctrl-C: all {n} samples and the end are on the tape", f"\n# exit {p.returncode}, {code}: {live[:200]!r} {out[:200]!r}")


def check_full(tmp):
    tape, live = os.path.join(tmp, "full.tape"), os.path.join(tmp, "full.folded")
    os.symlink("/dev/full", tape)
    r = record("-o", tape, "-o", live)
    said = " ".join(r.stderr.split())
    tap(r.returncode == 3 and samples(live) > 500 and "No space left on device" in said and "grind" in r.stdout,
        "a full disk ends the tape, not the recording", f"\n# exit {r.returncode}: {r.stderr}")
    r = record("-o", os.path.join(tmp, "none", "x.tape"), "-o", live, seconds="1")
    kept = re.search(r"kept as (\S+\.tape)", r.stderr)
    tap(r.returncode == 3 and kept and view(kept.group(1))[0] == 0, "what cannot be where it was asked for is kept elsewhere",
        f"\n# exit {r.returncode}: {r.stderr}")
    for path in [kept.group(1), kept.group(1) + ".folded"] if kept else []:
        os.remove(path)


def check_rebuilt(tmp):
    program, tape = os.path.join(tmp, "shapes"), os.path.join(tmp, "rebuilt.tape")
    shutil.copy(SHAPES, program)
    r = record("-o", tape, program=program, seconds="1")
    with open(program, "r+b") as f:             # the same file by inode, but of another build
        whole = f.read()
        notes = subprocess.run(["readelf", "-n", SHAPES], capture_output=True, text=True).stdout
        build_id = bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", notes).group(1))
        f.seek(whole.index(build_id))
        f.write(bytes(len(build_id)))
    code, n, out, _ = view(tape)
    names = open(tape + ".folded").read()
    tap(r.returncode == 0 and code == 0 and n > 300 and "grind" not in names and "was replaced" in " ".join(out.split()),
        "a program that was built again gives no names, and it is told", f"\n# exit {code}: {out[-500:]!r}")


def check_refused(tmp):
    a, b = os.path.join(tmp, "p.tape"), os.path.join(tmp, "q.tape")
    r = record("-o", a, "-o", b)
    tap(r.returncode == 2 and "one recording makes one tape" in r.stderr and not os.path.exists(a), "one recording makes one tape", f"\n# {r.stderr}")
    r = perf_ops("profile", "-o", a, "no-such-program-here")
    tap(r.returncode == 4 and not os.path.exists(a), "no target, no tape", f"\n# {r.returncode} {r.stderr}")


with tempfile.TemporaryDirectory() as tmp:
    made = check_same(tmp)
    if made:
        check_cuts(tmp, made)
        for check in (check_killed, check_stopped, check_full, check_rebuilt, check_refused):
            check(tmp)
print(f"1..{number}")
