"""Metadata and requirements stand in settings.ini; this file only hands them to setuptools."""
import json
import re
from configparser import ConfigParser
from pathlib import Path
from shutil import copy2

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(here / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]
listed = lambda key: cfg.get(key, "").split()
extras = {
    k: listed(f"{k}_requirements")
    for k in ("course", "images", "bridges", "dev")}
extras["dev"] = sum(extras.values(), [])
NO_SITE = "diffstudy.site, with which the course's pages are made and tested, is in a clone only:"


def tasks():
    "What each exercise asks, by its number, as `diffstudy.exercises.commands.tasks` reads it."
    packed = here / "nbs" / "tasks.json"
    if packed.exists(): return json.loads(packed.read_text(encoding="utf-8"))
    found = {}
    for nb in sorted((here / "nbs").glob("*.ipynb")):
        for cell in json.loads(nb.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] != "markdown": continue
            task = re.search(r"(?ms)^\*\*(\d\d[a-z]?\.\d+)\b.*", "".join(cell["source"]))
            if task: found[task.group(1)] = task.group(0)
    return found


class WithRecords(build_py):
    "Recorded runs, small weights, emoji, references and tasks of exercises go into the wheel."
    def run(self):
        super().run()
        if self.editable_mode: return  # then the package stands beside nbs/runs
        there = Path(self.build_lib) / "diffstudy" / "runs"
        there.mkdir(parents=True, exist_ok=True)
        for kind in ("*.json", "*.png", "*.safetensors"):
            for file in sorted((here / "nbs" / "runs").glob(kind)):
                if file.name != "times.json": copy2(file, there)  # which only the authors read
        copy2(here / "nbs" / "weights" / "mnist.safetensors", there)  # 5.9 MB: the digits of pages
        for name in ("references.bib", "published.csv", "reported.csv"):
            copy2(here / "nbs" / name, there.parent)  # for diffstudy.references
        asked = Path(self.build_lib) / "diffstudy" / "exercises" / "tasks.json"
        asked.write_text(json.dumps(tasks()), encoding="utf-8")
        no_site = f"{NO_SITE} git clone {cfg['git_url']}, and there pip install -e '.[dev]'"
        (there.parent / "site.py").write_text(f"raise ModuleNotFoundError({no_site!r})\n")


class WithTasks(sdist):
    "The source archive has no notebooks, so it brings the tasks of their exercises."
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        packed = Path(base_dir) / "nbs" / "tasks.json"
        packed.write_text(json.dumps(tasks()), encoding="utf-8")


def for_pypi(text):
    "The README with badges, and with links that lead somewhere outside of the repository."
    git, site = cfg["git_url"], cfg["doc_host"] + cfg["doc_baseurl"]
    raw = git.replace("github.com", "raw.githubusercontent.com") + f"/{cfg['branch']}/"
    text = re.sub(r"\]\(nbs/(\w+)\.ipynb", rf"]({site}/\1.html", text)
    text = re.sub(r'((?:src|srcset)=")(?!https:)', rf"\g<1>{raw}", text)
    badge = "https://img.shields.io"
    badges = (
        f"[![tests]({git}/actions/workflows/test.yml/badge.svg)]({git}/actions) "
        f"[![PyPI]({badge}/pypi/v/{cfg['lib_name']})](https://pypi.org/project/{cfg['lib_name']}) "
        f"[![course]({badge}/badge/course-online-blue)]({site}) "
        f"[![license]({badge}/badge/license-Apache--2.0-blue)]({git}/blob/{cfg['branch']}/LICENSE)")
    return text.replace("\n# diffstudy\n", f"\n# diffstudy\n\n{badges}\n", 1)


setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=for_pypi((here / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Documentation": cfg["doc_host"] + cfg["doc_baseurl"], "Source": cfg["git_url"]},
    keywords=cfg["keywords"],
    license_expression="Apache-2.0 AND CC-BY-4.0 AND CC-BY-SA-3.0",  # code; emoji; MNIST
    license_files=["LICENSE", "NOTICE"],
    packages=find_packages(
        include=["diffstudy", "diffstudy.*"], exclude=["diffstudy.site", "diffstudy.site.*"]),
    package_data={"diffstudy": ["py.typed"]},
    python_requires=">=" + cfg["min_python"],
    install_requires=listed("requirements"),
    extras_require=extras,
    cmdclass={"build_py": WithRecords, "sdist": WithTasks},
    entry_points={"console_scripts": listed("console_scripts")},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{k}" for k in (11, 12, 13, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
