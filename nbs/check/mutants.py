"""Make small mistakes in the library, one at a time, and see whether their tests notice.

    python nbs/check/mutants.py [MODULE ...]    such as process; all modules of nbs/slips.toml by default

Each slip is made in a copy of the package, and the test that stands beside it in the list has to
fail there. The exit status is 1 when one does not. Processes are forked, so that PyTorch is
imported once: this needs Linux or macOS.
"""
import os, shutil, signal, sys, tempfile, tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
JOBS = min(2, os.cpu_count() or 1)
LIMIT = 300  # seconds of a test; a loop without an end counts as noticed


def slips(modules: list[str]) -> list[tuple[str, dict]]:
    "Pairs of a module and a slip in it."
    listed = tomllib.loads((ROOT / "nbs" / "slips.toml").read_text(encoding="utf-8"))
    unknown = set(modules) - set(listed)
    if unknown: sys.exit(f"no slips of {', '.join(sorted(unknown))}; there are: {', '.join(listed)}")
    return [(m, slip) for m in modules or listed for slip in listed[m]]


def furnish(place: Path):
    "Put a copy of the package into a folder, with what its tests look for beside it."
    shutil.copytree(ROOT / "diffstudy", place / "diffstudy",
                    ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("settings.ini", "pyproject.toml"): shutil.copy(ROOT / name, place)
    (place / "nbs").symlink_to(ROOT / "nbs")
    (place / "home").mkdir()


def run(place: Path, module: str, test: str):
    "In a forked process: run a test of the copy, and end with what pytest says."
    signal.alarm(LIMIT)
    with open(place / "said.txt", "w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    home = str(place / "home")  # a changed library may spoil what it keeps there
    os.environ |= dict(
        PYTHONPATH=str(place), HOME=home, TMPDIR=home, PYTHONDONTWRITEBYTECODE="1",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    tempfile.tempdir = None
    os.chdir(place)
    sys.path.insert(0, str(place))
    import importlib, pytest
    code = 3
    try:
        made = importlib.import_module(f"diffstudy.{module}")
        assert Path(made.__file__).is_relative_to(place), f"another copy is tested: {made.__file__}"
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", f"--rootdir={place}",
                            str(place / "diffstudy" / "tests" / test)])
    finally: os._exit(int(code))


def verdict(status: int) -> str:
    "What the end of a process means."
    if os.WIFSIGNALED(status): return "noticed" if os.WTERMSIG(status) == signal.SIGALRM else "broken"
    return {0: "survived", 1: "noticed"}.get(os.WEXITSTATUS(status), "broken")


def each(jobs: list[tuple[str, dict]], places: list[Path]):
    "Run jobs, one in each place at a time; yields a job, its verdict and the last line it printed."
    left, free, running = list(jobs), list(places), {}
    while left or running:
        while left and free:
            (module, slip), place = left.pop(0), free.pop()
            file = place / "diffstudy" / f"{module.replace('.', '/')}.py"
            kept = file.read_text(encoding="utf-8")
            file.write_text(kept.replace(slip["old"], slip["new"]), encoding="utf-8")
            pid = os.fork()
            if not pid: run(place, module, slip["test"])
            running[pid] = module, slip, place, file, kept
        pid, status = os.wait()
        module, slip, place, file, kept = running.pop(pid)
        file.write_text(kept, encoding="utf-8")
        free.append(place)
        yield module, slip, verdict(status), ((place / "said.txt").read_text().splitlines() or [""])[-1]


def main():
    todo = slips(sys.argv[1:])
    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    import pytest, numpy, scipy.stats, sklearn.decomposition, torch, torchdiffeq, mpmath  # once, for all
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as tmp:
        places = [Path(tmp).resolve() / str(i) for i in range(JOBS)]
        for place in places: furnish(place)

        # each test as it is, then with one slip each
        as_is = {slip["test"]: (m, slip | dict(new=slip["old"])) for m, slip in todo}
        bad = [f"{slip['test']} does not pass as it is: {said}"
               for _, slip, word, said in each(list(as_is.values()), places) if word != "survived"]
        for i, (module, slip, word, said) in enumerate(each(todo, places), 1):
            if "equivalent" in slip and word == "survived": word = f"equivalent: {slip['equivalent']}"
            print(f"{i}/{len(todo)} {module}: {slip['old']!r} -> {slip['new']!r}: {word}", flush=True)
            if word in ("survived", "broken") or "equivalent" in slip and word == "noticed":
                bad.append(f"{word}: {module}, {slip['test']}: {slip['old']!r} -> {slip['new']!r}; {said}")
    print(*bad, f"{len(todo)} slips, {len(bad)} to look at", sep="\n")
    sys.exit(bool(bad))


if __name__ == "__main__": main()
