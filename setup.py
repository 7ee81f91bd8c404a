"""Metadata and requirements stand in settings.ini; this file only hands them to setuptools."""
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(here / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]
listed = lambda key: cfg.get(key, "").split()
images, compression, dev = listed("images_requirements"), listed("compression_requirements"), listed("dev_requirements")

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    url=cfg["git_url"],
    project_urls={"Documentation": cfg["doc_host"] + cfg["doc_baseurl"], "Source": cfg["git_url"]},
    keywords=cfg["keywords"],
    license="Apache-2.0",
    packages=find_packages(include=["diffstudy", "diffstudy.*"]),
    python_requires=">=" + cfg["min_python"],
    install_requires=listed("requirements"),
    extras_require={"images": images, "compression": compression, "dev": dev + images + compression},
    entry_points={"console_scripts": listed("console_scripts")},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
