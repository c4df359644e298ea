"""npm_ci: what a package-lock.json names, installed into a folder of the build tree. The source tree stays as it was.

    why = npm_ci.install(source, work)      None, or why it cannot be

What was installed is remembered by the hash of the lockfile, so only a changed lockfile needs the network again. Several
tests may ask at once: one installs, the others wait.
"""
import fcntl, hashlib, os, shutil, subprocess

COMMAND = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"]


def install(source, work):
    lockfile, stamp = os.path.join(source, "package-lock.json"), os.path.join(work, "installed")
    wanted = hashlib.sha256(open(lockfile, "rb").read()).hexdigest()
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(work, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return None
        if not shutil.which("npm"):
            return "npm is not installed; tools/deps installs it"
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(os.path.join(source, name), os.path.join(work, name))
        done = subprocess.run(COMMAND, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print(done.stdout)
            return "npm ci failed; without a network it cannot fetch the packages"
        with open(stamp, "w") as f:
            f.write(wanted)
    return None
