#!/usr/bin/env python3
"""usage: python dev.py COMMAND [ARGS]

  install   puts neo-core, every plugin and the tools of development into .venv
  run       neo run ARGS; without ARGS a rehearsal of about 30 seconds
  live-demo a ledger of its own in this machine, and a live session on it, for about a minute
  test      pytest ARGS; without ARGS every test of the core and of the plugins, on all cores
  check     lint, format, types, and who may import whom
  bench     what a tick costs, and what live trading costs
  soak      pytest ARGS with the long tests too, and many more random cases, new each time

Every command first brings .venv (beside this file) up to date if anything changed, so `install` alone is
seldom needed. Nothing else is needed: Python 3.11 or newer, on Linux, macOS or Windows.

  python dev.py run
  python dev.py run --scenario hostile --speed 0
  python dev.py test plugins/anchor_guard -k recovery
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 (an older Python is to get this sentence, not a traceback)
    sys.exit(f"NEO needs Python 3.11 or newer, and this is {sys.version.split()[0]}: run dev.py with a newer one.")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "dev-stamp.txt"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
EXE = ".exe" if os.name == "nt" else ""
PYTHON = SCRIPTS / f"python{EXE}"
NEO = SCRIPTS / f"neo{EXE}"

REHEARSAL = "cycling"
REHEARSAL_SECONDS = 30
LEDGER_SECONDS = 4
DEMO_SECONDS, DEMO_LEDGER_SECONDS = 60, 1

Command = Sequence[str | Path]


def install() -> bool:
    """Brings .venv up to date; tells whether there was anything to do."""
    # Scripts in .venv carry its path, and a library belongs to one Python: another of either is another .venv.
    made_for = f"{sys.platform} {sys.version_info[0]}.{sys.version_info[1]} {ROOT}"
    contents = fingerprint()
    had_for, _, had = STAMP.read_text(encoding="utf-8").partition("\n") if STAMP.exists() else ("", "", "")
    if PYTHON.exists() and (had_for, had) == (made_for, contents):
        return False
    if had_for not in ("", made_for) or not usable():
        tell("making .venv")
        step([sys.executable, "-m", "venv", "--clear", VENV], "the virtual environment could not be made")
    tell("installing NEO and its plugins into .venv (a minute or two the first time)")
    STAMP.unlink(missing_ok=True)
    projects: list[str | Path] = ["-e", f"{ROOT}[dev]"]
    for project in plugins():
        projects += ["-e", project]
    pip: Command = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    step([*pip, "-c", ROOT / "constraints.txt", *projects], "pip could not install NEO")
    STAMP.write_text(f"{made_for}\n{contents}", encoding="utf-8")
    return True


def plugins() -> list[Path]:
    return sorted(pyproject.parent for pyproject in ROOT.glob("plugins/*/pyproject.toml"))


def fingerprint() -> str:
    """What an installation depends on: every pyproject, where it lies, and the pins."""
    digest = hashlib.sha256()
    for file in [ROOT / "constraints.txt", *(folder / "pyproject.toml" for folder in [ROOT, *plugins()])]:
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def usable() -> bool:
    """Whether a .venv without a stamp (made by hand, or interrupted) is one to install into."""
    if not PYTHON.exists():
        return False
    question = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return subprocess.run([PYTHON, "-c", question], capture_output=True, check=False).returncode == 0


def step(command: Command, failed: str) -> None:
    # What it prints goes to stderr: the stdout of `dev.py run --json` belongs to NEO.
    code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    if code:
        sys.exit(f"dev.py: {failed}; what it said stands above.")


def tell(sentence: str) -> None:
    print(f"dev.py: {sentence}", file=sys.stderr, flush=True)


def become(command: Command, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Goes on as another program, whose exit code and signals are then its own."""
    if os.name == "posix":
        os.execve(command[0], [os.fspath(part) for part in command], environment)  # noqa: S606 (no shell wanted)
    # Windows hands Ctrl-C to every program of the console: this one only waits for the other to end.
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def run(arguments: list[str]) -> NoReturn:
    if arguments:
        become([NEO, "run", *arguments])
    os.chdir(ROOT)
    question = f"from neo_core.markets import find; print(find({REHEARSAL!r}).ticks)"
    ticks = int(subprocess.run([PYTHON, "-c", question], check=True, capture_output=True, text=True).stdout)
    speed = ticks * LEDGER_SECONDS / REHEARSAL_SECONDS
    rehearsal = ["--config", "config/paper.yaml", "--scenario", REHEARSAL, "--speed", f"{speed:.0f}"]
    tell(f"neo run {' '.join(rehearsal)} --database sqlite:///var/neo.db")
    become([NEO, "run", *rehearsal, "--database", "sqlite:///var/neo.db"])


def live_demo() -> NoReturn:
    """Everything is in a folder that goes away, and on ports of this machine alone."""
    with tempfile.TemporaryDirectory(prefix="neo-live-demo-") as name:
        folder = Path(name)
        devnet: Command = [NEO, "devnet", "--json", "--seed", "7", "--market", "hostile", "--port", "0"]
        pace: Command = ["--close-seconds", str(DEMO_LEDGER_SECONDS), "--account-file", folder / "seed.txt"]
        tell("neo devnet --seed 7 --market hostile")
        # Ctrl-C is for the session, which cancels its offers: the ledger has to outlive it.
        flags = getattr(
            subprocess, "CREATE_NEW_PROCESS_GROUP", 0
        )  # on Windows; elsewhere it is a session of its own
        ledger = subprocess.Popen(
            [*devnet, *pace],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            creationflags=flags,
            start_new_session=os.name == "posix",
        )
        try:
            sys.exit(_demo_session(folder, ledger))
        finally:
            ledger.terminate()
            try:
                ledger.wait(10)
            except subprocess.TimeoutExpired:
                ledger.kill()
                ledger.wait()


def _demo_session(folder: Path, ledger: "subprocess.Popen[str]") -> int:
    assert ledger.stdout is not None
    told = ledger.stdout.readline()
    if not told:
        return usage_error("the ledger did not start; what it said stands above.")
    where = json.loads(told)
    live = {
        "network": where["network_id"],
        "nodes": [where["urls"]["main"]["ws"]],
        "issuer": where["issuer"],
        "seed_file": str(folder / "seed.txt"),
    }
    session: Command = [
        NEO,
        "run",
        "--mode",
        "live",
        "--duration-seconds",
        str(DEMO_SECONDS),
        "--config",
        "demo.yaml",
    ]
    (folder / "demo.yaml").write_text(json.dumps({"live": live}), encoding="utf-8")  # JSON is YAML, too
    tell(f"neo run --mode live, against {live['nodes'][0]}")
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    return subprocess.run(session, cwd=folder, check=False).returncode


def test(arguments: list[str]) -> NoReturn:
    os.chdir(ROOT)
    become([PYTHON, "-m", "pytest", *(arguments or ["-n", "auto", "--dist", "loadfile"])])


def soak(arguments: list[str]) -> NoReturn:
    os.chdir(ROOT)
    become([PYTHON, "-m", "pytest", *arguments], {**os.environ, "NEO_SOAK": "1"})


def bench(arguments: list[str]) -> NoReturn:
    os.chdir(ROOT)
    become([PYTHON, ROOT / "bench" / "bench.py", *arguments])


def check() -> NoReturn:
    os.chdir(ROOT)
    packages: list[str | Path] = [package for folder in plugins() for package in folder.glob("neo_*")]
    checks: dict[str, Command] = {
        "lint": [PYTHON, "-m", "ruff", "check"],
        "format": [PYTHON, "-m", "ruff", "format", "--check"],
        "types": [PYTHON, "-m", "mypy", "neo_core", *packages, "bench", "dev.py"],
        "imports": [SCRIPTS / f"lint-imports{EXE}", "--no-logo"],
    }
    failed = []
    for name, command in checks.items():
        print(f"== {name}", flush=True)
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"check failed: {', '.join(failed)}")
    print("check passed")
    sys.exit(0)


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        sys.exit(0 if arguments else 2)
    command, *rest = arguments
    with_arguments = {"run": run, "test": test, "bench": bench, "soak": soak}
    if command not in ("install", "check", "live-demo", *with_arguments):
        sys.exit(usage_error(f"there is no command {command!r}; `python dev.py --help` lists them."))
    if rest and command not in with_arguments:
        sys.exit(usage_error(f"`{command}` takes no arguments, got {' '.join(rest)!r}."))
    something_done = install()
    if command == "install":
        tell("installed" if something_done else "nothing to do, .venv is up to date")
    elif command == "check":
        check()
    elif command == "live-demo":
        live_demo()
    else:
        with_arguments[command](rest)


def usage_error(sentence: str) -> int:
    tell(sentence)
    return 2


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
