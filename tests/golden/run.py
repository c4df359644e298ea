#!/usr/bin/env python3
"""run.py [--bless] PERF_OPS [NAME...]: the command line, word for word. TAP on stdout.

A case is tests/golden/NAME.case. Lines in front of the first section are a shell script, run by sh -e in an empty
directory, with perf-ops in its path. Sections:
    --- file NAME     a file in that directory
    --- stdout        what is expected there; {{regex}} stands for what differs from machine to machine
    --- stderr
    --- exit N        of the script
    --- faults        faults.py walks this case too
    --- files         names of the files that must be there in the end, one a line, may contain {{regex}}
--bless writes what came instead of what was expected; lines whose patterns still fit stay as they are.
"""
import os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

class Case:
    def __init__(self, name):
        self.name, self.path = name, os.path.join(HERE, name + ".case")
        self.script, self.sections, at = [], [], None
        for line in open(self.path, encoding="utf-8").read().split("\n")[:-1]:
            if line.startswith("--- "):
                at = (line[4:], [])
                self.sections.append(at)
            else:
                (at[1] if at else self.script).append(line)

    def get(self, title):
        return next((lines for t, lines in self.sections if t == title), None)

    def files(self):
        return [(t[5:], lines) for t, lines in self.sections if t.startswith("file ")]

    def exit(self):
        return next((int(t[5:]) for t, _ in self.sections if t.startswith("exit ")), 0)

    def run(self, perf_ops, extra_env=None, timeout=60, pass_fds=()):
        folder = tempfile.mkdtemp(prefix="perf-ops-golden-")
        try:
            os.makedirs(os.path.join(folder, ".tmp"))
            for name, lines in self.files():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                    f.write("\n".join(lines) + "\n")
            env = {"PATH": os.path.dirname(os.path.abspath(perf_ops)) + ":" + os.environ.get("PATH", "/usr/bin:/bin"),
                   "LC_ALL": "C.UTF-8", "HOME": folder, "TMPDIR": os.path.join(folder, ".tmp"), "ROOT": ROOT}
            env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
            env.update(extra_env or {})
            r = subprocess.run(["sh", "-e", "-c", "\n".join(self.script)], cwd=folder, env=env, timeout=timeout,
                               stdin=subprocess.DEVNULL, capture_output=True, pass_fds=pass_fds)
            found = sorted(f for f in os.listdir(folder) if f not in {n for n, _ in self.files()} and f != ".tmp")
            out, err = (b.decode("utf-8", "backslashreplace").replace(folder, "@DIR@") for b in (r.stdout, r.stderr))
            return r.returncode, out, err, found
        finally:
            shutil.rmtree(folder, ignore_errors=True)

def fits(pattern, line):
    parts = re.split(r"\{\{(.*?)\}\}", pattern)
    return re.fullmatch("".join(re.escape(p) if i % 2 == 0 else f"(?:{p})" for i, p in enumerate(parts)), line) is not None

def lines_of(text):
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []

def differences(what, expected, got):
    out = []
    for i in range(max(len(expected), len(got))):
        e, g = (x[i] if i < len(x) else None for x in (expected, got))
        if e is None or g is None or not fits(e, g):
            out.append(f"{what}:{i + 1}: expected {e!r}")
            out.append(f"{what}:{i + 1}:      got {g!r}")
        if len(out) > 20:
            break
    return out

def kept(expected, got):
    """What came, with the patterns of before where they still say it."""
    pool = [e for e in expected if "{{" in e]
    return [next((e for e in pool if fits(e, g)), g) for g in got]

def bless(case, code, out, err, found):
    sections = []
    for title, lines in case.sections:
        if title == "files":
            lines = kept(lines, found)
        if title in ("stdout", "stderr") or title.startswith("exit "):
            continue
        sections.append((title, lines))
    for title, text in (("stdout", out), ("stderr", err)):
        if text:
            sections.append((title, kept(case.get(title) or [], lines_of(text))))
    if code:
        sections.append((f"exit {code}", []))
    with open(case.path, "w", encoding="utf-8") as f:
        for line in case.script:
            f.write(line + "\n")
        for title, lines in sections:
            f.write(f"--- {title}\n" + "".join(l + "\n" for l in lines))

def names(only):
    every = sorted(f[:-5] for f in os.listdir(HERE) if f.endswith(".case"))
    return [n for n in every if not only or n in only]

def main():
    args = [a for a in sys.argv[1:] if a != "--bless"]
    perf_ops, blessing, failed = args[0], "--bless" in sys.argv, 0
    every = names(args[1:])
    print(f"1..{len(every)}", flush=True)
    for number, name in enumerate(every, 1):
        case = Case(name)
        code, out, err, found = case.run(perf_ops)
        diff = differences("stdout", case.get("stdout") or [], lines_of(out))
        diff += differences("stderr", case.get("stderr") or [], lines_of(err))
        if case.get("files") is not None:
            diff += differences("files", case.get("files"), found)
        if code != case.exit():
            diff.append(f"exit: expected {case.exit()}, got {code}")
        if diff and blessing:
            bless(case, code, out, err, found)
            print(f"ok {number} - {name} # blessed", flush=True)
            continue
        failed += bool(diff)
        print(f"{'not ok' if diff else 'ok'} {number} - {name}" + "".join(f"\n# {d}" for d in diff), flush=True)
    sys.exit(failed > 0)

if __name__ == "__main__":
    main()
