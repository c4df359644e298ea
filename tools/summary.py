#!/usr/bin/env python3
"""summary.py TESTLOG.json...: what meson ran, in one line; every failure, and every skip with its reason."""
import json, re, sys

passed = failed = skipped = 0
for log in sys.argv[1:]:
    for line in open(log):
        t = json.loads(line)
        out = t.get("stdout") or ""
        subs = re.findall(r"^(not ok|ok)\b(.*)$", out, re.M)
        if t["result"] in ("OK", "EXPECTEDFAIL"):
            skips = [s for _, s in subs if re.search(r"# *SKIP", s, re.I)]
            skipped += len(skips)
            passed += max(1, len(subs)) - len(skips)
            for s in skips:
                print(f"skipped: {t['name']}:{s}")
        elif t["result"] == "SKIP":
            skipped += 1
            said = [l for l in ((t.get("stderr") or "") + "\n" + out).splitlines() if re.search("skip", l, re.I)]
            print(f"skipped: {t['name']}: {said[-1] if said else 'no reason given'}")
        else:
            failed += 1
            print(f"failed: {t['name']} ({t['result']})")
            for s in (s for k, s in subs if k == "not ok"):
                print(f"        {s.strip()}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
