#!/usr/bin/env python3
"""run.py SOURCE WORK REPORTS [SCRIPT]: the browser tests, or another script beside them, in WORK of the build tree.

Exits with 77 and the reason when there is no browser, no npm or no way to get the packages.
"""
import hashlib, os, shutil, subprocess, sys

source, work, reports = (os.path.abspath(a) for a in sys.argv[1:4])
script = sys.argv[4] if len(sys.argv) > 4 else "page.mjs"
KINDS = ("small", "compare", "hostile", "empty", "large")


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def install():
    stamp, lock = os.path.join(work, "installed"), os.path.join(source, "package-lock.json")
    wanted = hashlib.sha256(open(lock, "rb").read()).hexdigest()
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return
    if not shutil.which("npm"):
        skip("npm is not installed; tools/deps test installs it")
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], cwd=work,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
        skip("npm ci failed; without a network the browser tests cannot be installed")
    with open(stamp, "w") as f:
        f.write(wanted)


browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if not browser:
    skip("chromium is not installed; tools/deps test installs it")
os.makedirs(work, exist_ok=True)
for name in ("package.json", "package-lock.json", ".npmrc", "browser.mjs", script):
    shutil.copyfile(os.path.join(source, name), os.path.join(work, os.path.basename(name)))
install()
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
