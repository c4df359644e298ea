#!/usr/bin/env python3
"""run.py PERF_OPS BUILD_DIR [NAME...]: every piece of bad luck that the profiler has to survive, for real. TAP on stdout.

A case passes when perf-ops ends by itself in time, with an exit code of its table, without the words of a crash, with a
sentence that says what happened; and keeps what was recorded.
"""
import json, os, re, shutil, signal, subprocess, sys, tempfile, time

PERF_OPS, BUILD = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
ONLY = sys.argv[3:]
SUBJECT, DENY = os.path.join(BUILD, "subject"), os.path.join(BUILD, "deny")
EXITS = {0, 1, 2, 3, 4, 5, 130}
CRASH = re.compile(r"AddressSanitizer|runtime error|Segmentation|core dumped|Assertion|assert", re.I)
number = 0
TMP = tempfile.mkdtemp(prefix="perf-ops-badluck-")

class Skip(Exception):
    pass

def po(*args, prefix=(), timeout=60, **kw):
    r = subprocess.run([*prefix, PERF_OPS, *args], capture_output=True, text=True, errors="replace", timeout=timeout, **kw)
    assert r.returncode in EXITS, f"exit {r.returncode}: {r.stderr[-800:]}"
    assert not CRASH.search(r.stderr), r.stderr[-2000:]
    return r

def start(*args, **kw):
    p = subprocess.Popen([SUBJECT, *map(str, args)], stdout=subprocess.PIPE, text=True, **kw)
    assert p.stdout.readline().startswith("pid ")
    return p

def samples(path):
    return sum(int(line.rsplit(" ", 1)[1]) for line in open(path, errors="replace"))

def need_bpf():
    r = po("profile", "--tier", "ebpf", "-q", "-d", "200ms", "--", SUBJECT, "burn", "0.3")
    if r.returncode == 3:
        raise Skip("eBPF cannot be used here: " + r.stderr.strip().splitlines()[0])

def programs():
    tool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    if not os.path.exists(tool):
        raise Skip("no bpftool")
    out = subprocess.run([tool, "prog", "list", "-j"], capture_output=True, text=True)
    if out.returncode:
        raise Skip("bpftool does not work here")
    return {p["id"] for p in json.loads(out.stdout or "[]")}

def children_of(pid):
    """The processes that it started, to be ended by their numbers."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(name))
        except OSError:
            pass
    return found

def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

def programs_of(pid):
    """The BPF programs that a process holds, by what its descriptors say."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            ids |= set(map(int, re.findall(r"^prog_id:\s*(\d+)", open(f"/proc/{pid}/fdinfo/{fd}").read(), re.M)))
        except OSError:
            pass
    return ids

def no_such_pid():
    r = po("profile", "4194303", "-d", "1s")
    assert r.returncode == 4 and "4194303" in r.stderr, (r.returncode, r.stderr)

def no_such_name():
    r = po("profile", "no-such-program-anywhere", "-d", "1s")
    assert r.returncode == 4 and "no-such-program-anywhere" in r.stderr, (r.returncode, r.stderr)

def nobody_listens():
    r = po("profile", ":1", "-d", "1s")
    assert r.returncode == 4 and "1" in r.stderr, (r.returncode, r.stderr)

def dead_before_start():
    p = start("die", 1)
    p.wait()
    r = po("profile", str(p.pid), "-d", "1s")
    assert r.returncode == 4 and r.stderr.strip(), (r.returncode, r.stderr)

def zombie():
    p = start("die", 1)
    time.sleep(0.3)                             # not waited for: a zombie
    r = po("profile", str(p.pid), "-d", "1s")
    p.wait()
    assert r.returncode == 4 and r.stderr.strip(), (r.returncode, r.stderr)

def no_such_command():
    r = po("profile", "--", "/no/such/program")
    assert r.returncode == 4 and "/no/such/program" in r.stderr, (r.returncode, r.stderr)

def command_that_fails_at_once():
    r = po("profile", "--", "false")
    assert r.returncode in (0, 4, 5), r.returncode

def dies_while_recording():
    need_bpf()
    p = start("die", 3000)
    out = os.path.join(TMP, "dies.folded")
    t = time.monotonic()
    r = po("profile", str(p.pid), "-d", "20s", "-F", "499", "-o", out)
    p.wait()
    assert time.monotonic() - t < 10, "did not notice that the target was gone"
    assert r.returncode == 0 and samples(out) > 200, (r.returncode, samples(out), r.stderr)
    assert "burn_until" in open(out).read()

def exec_while_recording():
    need_bpf()
    out = os.path.join(TMP, "exec.folded")
    r = po("profile", "-F", "499", "-o", out, "--", SUBJECT, "exec", "700", SUBJECT, "deep", "20", "1")
    text = open(out).read()
    assert r.returncode == 0 and "dives" in text and "burn_until" in text, r.stderr

def five_thousand_children():
    need_bpf()
    out = os.path.join(TMP, "storm.folded")
    r = po("profile", "-F", "999", "-o", out, "--format", "json", "--", SUBJECT, "storm", "5000", timeout=180)
    assert r.returncode == 0, r.stderr
    text = open(out).read()
    burnt = sum(int(l.rsplit(" ", 1)[1]) for l in text.splitlines() if "burn_until" in l)
    assert burnt > 2000, f"{burnt} samples in the children"

def ten_thousand_deep():
    need_bpf()
    out = os.path.join(TMP, "deep.folded")
    r = po("profile", "-F", "199", "-o", out, "--", SUBJECT, "deep", "10000", "2")
    deepest = max(line.count(";") for line in open(out))
    assert r.returncode == 0 and deepest >= 1000, (r.returncode, deepest)
    assert re.search(r"truncated", r.stdout), r.stdout

def binary_replaced_on_disk():
    need_bpf()
    copy = os.path.join(TMP, "replaced")
    shutil.copy(SUBJECT, copy)
    p = subprocess.Popen([copy, "burn", "6"], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    os.unlink(copy)
    shutil.copy("/bin/true", copy)
    out = os.path.join(TMP, "replaced.folded")
    r = po("profile", str(p.pid), "-d", "1500ms", "-F", "499", "-o", out)
    p.kill()
    p.wait()
    assert r.returncode == 0 and "burn_until" in open(out).read(), r.stderr

def without_bpf():
    out = os.path.join(TMP, "nobpf.folded")
    r = po("profile", "-F", "499", "-o", out, "--", SUBJECT, "burn", "1.5", prefix=(DENY, "bpf"))
    if r.returncode == 3:
        raise Skip("neither bpf nor perf_event_open here")
    assert r.returncode == 0 and samples(out) > 100 and "burn_until" in open(out).read(), r.stderr
    assert re.search(r"bpf", r.stdout, re.I), "the report does not say what is missing:\n" + r.stdout

def without_bpf_and_perf():
    for refusal in ("bpf,perf", "bpf=38,perf=38", "bpf=1,perf=13"):     # EPERM, ENOSYS (seccomp), EACCES (paranoid 3)
        p = start("burn", 5)
        r = po("profile", str(p.pid), "-d", "1500ms", prefix=(DENY, refusal))
        p.kill()
        p.wait()
        assert r.returncode in (0, 3, 5), (refusal, r.returncode, r.stderr)
        said = r.stdout + r.stderr
        assert re.search(r"sysctl|setcap|seccomp|--cap-add|sudo", said), f"{refusal}: no remedy:\n{said}"

def without_btf():
    need_bpf()
    if os.geteuid() or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        raise Skip("no mount namespace of our own")
    line = f"mount -t tmpfs none /sys/kernel/btf && exec {PERF_OPS} profile -d 1s -F 199 -- {SUBJECT} burn 1.5"
    r = subprocess.run(["unshare", "-m", "sh", "-c", line], capture_output=True, text=True, timeout=60)
    assert r.returncode in (0, 3), (r.returncode, r.stderr)
    assert re.search(r"BTF", r.stdout + r.stderr), r.stdout + r.stderr

def read_only_output():
    if os.geteuid():
        raise Skip("needs root to mount")
    where = os.path.join(TMP, "ro")
    os.mkdir(where)
    line = f"mount -t tmpfs -o ro none {where} && exec {PERF_OPS} profile -F 199 -o {where}/x.html -- {SUBJECT} burn 0.7"
    r = subprocess.run(["unshare", "-m", "sh", "-c", line], capture_output=True, text=True, timeout=60)
    kept_elsewhere(r, ".html")

def full_disk():
    if os.geteuid():
        raise Skip("needs root to mount")
    where = os.path.join(TMP, "full")
    os.mkdir(where)
    line = (f"mount -t tmpfs -o size=16k none {where} && head -c 16384 /dev/zero > {where}/full; exec {PERF_OPS} profile -F 199 -o {where}/x.html -- {SUBJECT} burn 0.7")
    r = subprocess.run(["unshare", "-m", "sh", "-c", line], capture_output=True, text=True, timeout=60)
    kept_elsewhere(r, ".html")

def kept_elsewhere(r, suffix):
    if r.returncode == 3 and not re.search(r"/\S+" + re.escape(suffix), r.stderr):
        raise Skip("cannot measure here: " + r.stderr.strip().splitlines()[-1])
    assert r.returncode == 3, (r.returncode, r.stderr)
    kept = sorted({p for p in re.findall(r"(/\S+?" + re.escape(suffix) + r")", r.stderr) if os.path.exists(p)})
    assert kept and os.path.getsize(kept[-1]) > 20, "the recording is not kept: " + r.stderr
    for p in kept:
        os.unlink(p)

def no_such_folder():
    r = po("profile", "-F", "199", "-o", "/no/such/folder/x.folded", "--", SUBJECT, "burn", "0.5")
    kept_elsewhere(r, ".folded")

def pipe_that_closes():
    line = f"{PERF_OPS} profile -F 199 -- {SUBJECT} burn 0.5 | head -c 10 > /dev/null; echo ${{PIPESTATUS[0]}}"
    r = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert not CRASH.search(r.stderr) and int(r.stdout.split()[-1]) in EXITS, (r.stdout, r.stderr)

def closed_stdout():
    r = subprocess.run(["sh", "-c", f"exec {PERF_OPS} help >&-"], capture_output=True, text=True, timeout=20)
    assert r.returncode in EXITS and not CRASH.search(r.stderr), (r.returncode, r.stderr)

def control_c_keeps_the_report():
    p = subprocess.Popen([PERF_OPS, "profile", "-F", "199", "-d", "60s", "-o", os.path.join(TMP, "stopped.folded"), "--", SUBJECT, "burn", "30"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2.5)
    started = children_of(p.pid)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=20)
    end(started)
    if p.returncode == 3:
        raise Skip("cannot measure here")
    assert p.returncode == 130, (p.returncode, err)
    assert "burn_until" in out and samples(os.path.join(TMP, "stopped.folded")) > 50, (out, err)

def killed_leaves_nothing():
    need_bpf()
    p = subprocess.Popen([PERF_OPS, "profile", "-d", "60s", "--", SUBJECT, "burn", "20"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours, patience = set(), time.monotonic() + 15
    while not ours and time.monotonic() < patience:
        time.sleep(0.2)
        ours = programs_of(p.pid)
    time.sleep(0.5)
    ours |= programs_of(p.pid)
    started = children_of(p.pid)
    p.kill()
    p.wait()
    time.sleep(1)
    left = ours & programs()
    end(started)
    assert ours, "no program was attached while recording"
    assert not left, f"programs are left: {left}"

def idle_target():
    p = start("idle", 10)
    r = po("profile", str(p.pid), "-d", "1s")
    p.kill()
    p.wait()
    assert r.returncode in (0, 5), (r.returncode, r.stderr)
    assert re.search(r"idle|no CPU|not use|0 samples|no samples", r.stdout + r.stderr, re.I), r.stdout + r.stderr

def target_is_never_stopped():
    """No moment of the target's life is spent in state T or t while we attach, record and leave."""
    p = start("burn", 4)
    w = subprocess.Popen([PERF_OPS, "profile", str(p.pid), "-d", "2s", "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    states = set()
    while w.poll() is None:
        states.add(open(f"/proc/{p.pid}/stat").read().rsplit(")", 1)[1].split()[0])
        time.sleep(0.001)
    p.kill()
    p.wait()
    assert not states & {"T", "t"}, states

def hostile_files():
    cases = {
        "empty": b"", "garbage.bin": os.urandom(4096), "half.pb.gz": b"\x1f\x8b\x08\x00" + os.urandom(64),
        "deep.json": b"[" * 200000, "cut.json": b'{"profiles": [{"type": "sampled", "samples": [[0,',
        "elf": open("/bin/true", "rb").read()[:3000], "perf.data": b"PERFILE2" + os.urandom(2000),
    }
    for name, content in cases.items():
        path = os.path.join(TMP, name)
        with open(path, "wb") as f:
            f.write(content)
        r = po("view", path, timeout=30)
        assert r.returncode == 4 and r.stderr.strip(), (name, r.returncode, r.stderr)
    r = po("view", os.path.join(TMP, "missing.pb.gz"))
    assert r.returncode == 4, r.returncode
    r = po("view", TMP)
    assert r.returncode == 4, r.returncode

def gzip_bomb():
    path = os.path.join(TMP, "bomb.pb.gz")
    subprocess.run(["bash", "-c", f"head -c 3000000000 /dev/zero | gzip -1 > {path}"], check=True)
    limit = ["prlimit", "--as=8589934592"] if "asan" not in PERF_OPS else []
    r = po("view", path, prefix=tuple(limit), timeout=120)
    os.unlink(path)
    assert r.returncode == 4, (r.returncode, r.stderr)

CASES = [v for k, v in list(globals().items()) if callable(v) and getattr(v, "__module__", "") == "__main__" and
         k not in ("po", "start", "samples", "need_bpf", "programs", "programs_of", "children_of", "end", "kept_elsewhere", "Skip", "tap")]
for case in CASES:
    if ONLY and case.__name__ not in ONLY:
        continue
    number += 1
    try:
        case()
        print(f"ok {number} - {case.__name__}", flush=True)
    except Skip as why:
        print(f"ok {number} - {case.__name__} # SKIP {why}", flush=True)
    except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError) as why:
        print(f"not ok {number} - {case.__name__}")
        print("\n".join("# " + l for l in str(why)[:3000].splitlines()), flush=True)
print(f"1..{number}")
shutil.rmtree(TMP, ignore_errors=True)
