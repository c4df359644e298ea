#!/usr/bin/env python3
"""run.py SOURCE WORK REPORTS [SCRIPT]: the browser tests, or another script beside them, in WORK of the build tree.

Exits with 77 and the reason when there is no browser, no npm or no way to get the packages.
"""
import os, shutil, subprocess, sys

source, work, reports = (os.path.abspath(a) for a in sys.argv[1:4])
sys.path.insert(0, os.path.join(source, "..", "..", "tools"))
import npm_ci

script = sys.argv[4] if len(sys.argv) > 4 else "page.mjs"
KINDS = ("small", "compare", "hostile", "empty", "large")


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not browser:
    skip("chromium is not installed; tools/deps test installs it")
os.makedirs(work, exist_ok=True)
for name in ("browser.mjs", script):
    shutil.copyfile(os.path.join(source, name), os.path.join(work, os.path.basename(name)))
why = npm_ci.install(source, work)
if why:
    skip(why)
truth = os.path.join(work, "truth.json")
said = []
for kind in KINDS:
    made = subprocess.run([reports, kind, os.path.join(work, kind + ".html")], stdout=subprocess.PIPE, text=True, check=True)
    said.append(f'"{kind}": {made.stdout.strip()}')
for kind in ("small", "compare", "hostile", "empty"):
    subprocess.run([reports, kind, os.path.join(work, kind + ".svg")], stdout=subprocess.DEVNULL, check=True)
with open(truth, "w") as f:
    f.write("{" + ",".join(said) + "}\n")
sys.exit(subprocess.run(["node", os.path.basename(script)], cwd=work, env={**os.environ, "CHROMIUM": browser}).returncode)
