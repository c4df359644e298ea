#!/usr/bin/env python3
"""faults.py PERF_OPS [NAME...]: every call of the system fails once, in every golden case that says "--- faults".

PERF_OPS_FAULT=N lets the N-th call fail; N rises until none is left. Each run has to end by itself, with an exit code of
the table and no words of a crash. One that ends with the exit code of success must have said the same on stdout as
without the fault: a wrong answer without a word is the one thing that must not be. TAP on stdout.
"""
import os, re, subprocess, sys
from run import Case, HERE, ROOT, fits, lines_of, names

CRASH = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|Segmentation|Aborted|core dumped|[Aa]ssertion .*failed")
EXITS = {int(m) for m in re.findall(r"EXIT\(\w+,\s*(\d+)", open(os.path.join(ROOT, "src/model/exits.def")).read())} - {70}
FAULTS_MAX = 5000

def once(case, perf_ops, n):
    r, w = os.pipe()
    try:
        result = case.run(perf_ops, {"PERF_OPS_FAULT": str(n), "PERF_OPS_FAULT_FD": str(w)}, timeout=60, pass_fds=(w,))
    finally:
        os.close(w)
        told = b""
        while chunk := os.read(r, 65536):
            told += chunk
        os.close(r)
    return result, told.decode().strip()

def judge(case, code, out, err):
    if code not in EXITS:
        return f"exit {code}"
    for told in re.findall(r"^exit (\d+)$", err, re.M):  # of the steps of a script
        if int(told) not in EXITS:
            return f"exit {told} of a step"
    if CRASH.search(err):
        return "crash: " + CRASH.search(err).group()
    if code in EXITS - {0} and case.exit() == 0 and not err.strip() and not out.strip():
        return f"exit {code} without a word"
    expected = case.get("stdout") or []
    got = lines_of(out)
    if code == 0 and case.exit() == 0 and "changing" not in [t for t, _ in case.sections]:
        if len(got) != len(expected) or not all(fits(e, g) for e, g in zip(expected, got)):
            return "success, but another answer"
    return None

def walk(case, perf_ops):
    for n in range(1, FAULTS_MAX):
        try:
            (code, out, err, _), told = once(case, perf_ops, n)
        except subprocess.TimeoutExpired:
            return n, [f"fault {n}: hangs"]
        if not told:
            return n - 1, []
        wrong = judge(case, code, out, err)
        if wrong:
            return n, [f"{told}: {wrong}"] + [f"  stdout {l}" for l in lines_of(out)[:5]] + [f"  stderr {l}" for l in lines_of(err)[-5:]]
    return FAULTS_MAX, ["faults without end"]

def main():
    perf_ops, failed = sys.argv[1], 0
    every = [c for c in map(Case, names(sys.argv[2:])) if c.get("faults") is not None]
    print(f"1..{len(every)}", flush=True)
    for number, case in enumerate(every, 1):
        n, wrong = walk(case, perf_ops)
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {case.name}: {n} faults" + "".join(f"\n# {w}" for w in wrong), flush=True)
    sys.exit(failed > 0)

if __name__ == "__main__":
    main()
