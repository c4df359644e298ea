#!/usr/bin/env python3
"""Compares our unwind tables with what readelf makes of the same files: every row of every FDE.

oracle.py ROWS [--debug-frame|--go] FILE...: ROWS is the program that prints our rows. Exits with 1 when a row differs.
A .go file is built first. Files that are not there are skipped; 77 when none is. readelf does not say which expression it met, llvm-dwarfdump does;
but version 14 of that forgets to bring back the CFA after a remembered state, so neither is enough alone.
"""
import bisect, os, re, shutil, subprocess, sys, tempfile

RSP, RBP, PLT, END, ROOT, UNSUP, SIGNAL, DEREF_RSP, DEREF_RBP, REG, RA_REG, FP = range(1, 13)
SAME, AT_CFA, LOST, AT_RBP, AT_RSP = range(5)
GPR = {r: i for i, r in enumerate("R8 R9 R10 R11 R12 R13 R14 R15 RDI RSI RBP RBX RDX RAX RCX RSP".split())}
PLT_TEXT = re.compile(r"DW_OP_breg7 RSP\+8, DW_OP_breg16 RIP\+0, DW_OP_lit15, DW_OP_and, DW_OP_lit(\d+), DW_OP_ge, "
                      r"DW_OP_lit3, DW_OP_shl, DW_OP_plus$")
BREG = re.compile(r"DW_OP_breg\d+ (R\w+)([+-]\d+)(, DW_OP_deref)?(?:, DW_OP_plus_uconst (0x[0-9a-f]+))?$")
PLACE = re.compile(r"(R\w+)([+-]\d+)?$")
CELL = re.compile(r"exp|(?:r\w+|c|v)[+-]\d+|[us]\b|r\w+")
FIELD = re.compile(r"(R\w+)=(\[[^]]*\]|[^,]+)")


def plain(reg, off):
    if reg in ("RSP", "RBP"):
        return (RSP if reg == "RSP" else RBP, off)
    return (REG, off << 4 | GPR[reg]) if reg in GPR else (UNSUP, 0)


def cfa_rule(text):
    m = PLT_TEXT.match(text)
    if m:
        return PLT, int(m.group(1))
    m = BREG.match(text)
    if m:
        reg, off, plus = m.group(1), int(m.group(2)), int(m.group(4) or "0", 16)
        if not m.group(3):
            return plain(reg, off + plus)
        if reg in ("RSP", "RBP"):
            return DEREF_RSP if reg == "RSP" else DEREF_RBP, plus << 16 | off & 0xffff
        return UNSUP, 0
    m = PLACE.match(text)
    return plain(m.group(1), int(m.group(2) or 0)) if m else (UNSUP, 0)


def rbp_rule(text):
    if text is None or text == "same":
        return SAME, 0
    m = re.match(r"\[CFA([+-]\d+)?\]$", text)
    if m:
        return AT_CFA, int(m.group(1) or 0)
    m = re.match(r"\[DW_OP_breg\d (RBP|RSP)([+-]\d+)\]$", text)
    if m:
        return AT_RBP if m.group(1) == "RBP" else AT_RSP, int(m.group(2))
    return LOST, 0


def interpreted(text, signal):
    """One row of llvm-dwarfdump as our rule: (cfa, cfa_off, rbp, rbp_off)."""
    cfa, _, rest = text[4:].partition(": ")
    if signal:
        return (SIGNAL, 0, 0, 0) if cfa == "DW_OP_breg7 RSP+160, DW_OP_deref" else (UNSUP, 0, 0, 0)
    kind, off = cfa_rule(cfa)
    return (UNSUP, 0, 0, 0) if kind == UNSUP else (kind, off, *rbp_rule(dict(FIELD.findall(rest)).get("RBP")))


def expressions(path, section):
    """{pc: rule} of all rows that llvm-dwarfdump prints."""
    text = subprocess.run(["llvm-dwarfdump", "--" + section, path], capture_output=True, text=True, check=True).stdout
    signals, rows, cie, signal = set(), {}, None, False
    for line in text.splitlines():
        m = re.match(r"([0-9a-f]{8}) [0-9a-f]+ [0-9a-f]+ (CIE|FDE cie=([0-9a-f]+) pc=)", line)
        if m:
            cie = m.group(1) if m.group(2) == "CIE" else None
            signal = m.group(3) in signals
        elif cie and line.startswith("  Augmentation:") and "S" in line.split('"')[1]:
            signals.add(cie)
        elif not cie and "DW_OP" in line and re.match(r"  0x[0-9a-f]+: CFA", line):
            pc, _, rule = line.strip().partition(": ")
            rows[int(pc, 16)] = interpreted(rule, signal)
    return rows


def expected(columns, row, pc, known):
    """One row of readelf as our rule; None: only an expression tells, and nobody knows it."""
    row = dict(zip(columns, row))
    cfa, rbp, ra = row["CFA"], row.get("rbp", "u"), row["ra"]
    if cfa == "exp" or rbp == "exp":
        if pc not in known:
            return None
        if cfa == "exp":                        # llvm-dwarfdump says another one where it forgot
            return known[pc] if known[pc][0] not in (RSP, RBP) else None
    if ra == "u":
        return ROOT, 0, 0, 0
    m = re.match(r"(r\w+)([+-]\d+)$", cfa)
    kind, off = plain(m.group(1).upper(), int(m.group(2)))
    if ra.upper() in GPR and kind == RSP:
        kind, off = RA_REG, off << 4 | GPR[ra.upper()]
    elif ra != "c-8":
        return UNSUP, 0, 0, 0
    if rbp in ("u", "s"):
        return kind, off, SAME, 0
    if rbp == "exp":
        return kind, off, *known[pc][2:]
    m = re.match(r"c([+-]\d+)$", rbp)
    return kind, off, *((AT_CFA, int(m.group(1))) if m else (LOST, 0))


def interpret(path, section):
    """(lo, hi, [(pc, rule)]) of each FDE."""
    known = expressions(path, section)
    text = subprocess.run(["readelf", "--wide", "--debug-dump=frames-interp", path], capture_output=True,
                          text=True).stdout     # exits with 1 when a separate debug file is not there
    fdes, initial, columns, inside, cie = [], {}, [], False, None
    for line in text.splitlines():
        if line.startswith("Contents of the "):
            inside = "." + section.replace("-", "_") in line
        m = re.match(r"([0-9a-f]+) [0-9a-f]+ [0-9a-f]+ (CIE|FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+))", line)
        if not inside:
            continue
        if m:
            cie = int(m.group(1), 16) if m.group(2) == "CIE" else None
            if cie is None:
                lo = int(m.group(4), 16)
                columns, first = initial[int(m.group(3), 16)]
                fdes.append((lo, int(m.group(5), 16), [(lo, expected(columns, first, lo, known))] if first else []))
        elif line.startswith("   LOC"):
            columns = line.split()[1:]
        elif re.match(r"[0-9a-f]{16} ", line):
            pc, row = line[:16], CELL.findall(re.sub(r"r\d+ \((\w+)\)", r"\1", line[16:]))
            if cie is not None:
                initial[cie] = columns, row
            else:
                fdes[-1][2].append((int(pc, 16), expected(columns, row, int(pc, 16), known)))
        elif not line and cie is not None:
            initial.setdefault(cie, (columns, None))
            columns = []
    return fdes


def compare(rows_program, path, section, go):
    ours = []
    out = subprocess.run([rows_program, path], capture_output=True, text=True)
    if out.returncode:
        print(f"{path}: {out.stderr.strip()}")
        return False
    for line in out.stdout.splitlines():
        pc, *rule = line.split()
        rule = [int(x) for x in rule]
        rule[2] &= 7                            # rbx is not what is compared
        ours.append((int(pc, 16), tuple(rule)))
    assert [r[0] for r in ours] == sorted({r[0] for r in ours}), "rows are not sorted"
    pcs = [r[0] for r in ours]
    at = lambda pc: ours[bisect.bisect_right(pcs, pc) - 1][1]
    fdes = sorted((f for f in interpret(path, section) if f[2] and f[0]), key=lambda f: f[:2])
    starts = {f[0] for f in fdes}
    compared = differ = 0
    for n, (lo, hi, rows) in enumerate(fdes):
        if n + 1 < len(fdes) and fdes[n + 1][0] < hi:
            continue                            # overlapping: whose rule holds is a matter of taste
        last = {}
        for pc, want in rows:
            last[pc] = want
        for pc, want in last.items():
            if not lo <= pc < hi or want is None:
                continue
            compared += 1
            # Go's own CFI says nothing of rbp, nor of signals, roots and stacks that are left.
            same = at(pc)[:2] == want[:2] or at(pc)[0] in (FP, ROOT, SIGNAL, UNSUP) if go else at(pc) == want
            if not same:
                differ += 1
                if differ <= 10:
                    print(f"{path}: {pc:#x}: {at(pc)}, the others say {want}")
        # Behind an FDE is nothing, or what no FDE tells: a linkage table, the entry.
        if hi not in starts and not go and at(hi)[0] not in (END, ROOT, RSP):
            differ += 1
            print(f"{path}: {hi:#x}: {at(hi)} behind the end of an FDE")
    print(f"{path}: {compared} rows compared, {differ} differ")
    return compared > 0 and differ == 0


def built(source, tmp):
    program = os.path.join(tmp, "program")
    env = {"GOCACHE": os.path.join(tmp, "cache")} if "HOME" not in os.environ else {}
    subprocess.run(["go", "build", "-o", program, source], check=True, env={**os.environ, **env, "GO111MODULE": "off"})
    return program


if __name__ == "__main__":
    args = sys.argv[1:]
    rows_program = args.pop(0)
    option = args.pop(0) if args[0].startswith("--") else ""
    section = "debug-frame" if option else "eh-frame"
    files = [f for f in args if os.path.exists(f)]
    if any(f.endswith(".go") for f in files) and not shutil.which("go"):
        print("SKIP: go is not installed")
        sys.exit(77)
    if not files:
        print("SKIP: none of the files is on this machine")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as tmp:
        files = [built(f, tmp) if f.endswith(".go") else f for f in files]
        sys.exit(not all([compare(rows_program, f, section, option == "--go") for f in files]))
