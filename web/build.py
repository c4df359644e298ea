#!/usr/bin/env python3
"""build.py SOURCE WORK OUT: the page of HTML reports, from SOURCE (web/) into the one file OUT.

npm works in WORK, a folder of the build tree, on a copy: the source tree stays as it was (tools/npm_ci.py).
"""
import os, shutil, subprocess, sys

source, work, out = (os.path.abspath(a) for a in sys.argv[1:4])
sys.path.insert(0, os.path.join(os.path.dirname(source), "tools"))
import npm_ci

HELP = "web: to build without the page: meson configure BUILD -Dweb=stub"


def run(what, *command):
    try:
        done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        sys.exit(f"web: {command[0]} is not installed; tools/deps installs it\n{HELP}")
    if done.returncode:
        sys.exit(f"{done.stdout}web: {what} failed\n{HELP}")


os.makedirs(work, exist_ok=True)
for name in ("tsconfig.json", "build.mjs", "shell.html"):
    shutil.copyfile(os.path.join(source, name), os.path.join(work, name))
shutil.rmtree(os.path.join(work, "src"), ignore_errors=True)
shutil.copytree(os.path.join(source, "src"), os.path.join(work, "src"))
why = npm_ci.install(source, work)
if why:
    sys.exit(f"web: {why}\n{HELP}")
run("the type check", "node", "node_modules/typescript/bin/tsc", "--noEmit", "-p", ".")
run("the bundle", "node", "build.mjs", out)
