# diffstudy: `make course` and `make test` do all the set-up themselves.
VENV  := .venv
PLAIN := .venv-plain
FLOORS := .venv-floors
BIN   := $(VENV)/bin
RUN   := runs/digits
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SOURCES := settings.ini setup.py pyproject.toml $(wildcard diffstudy/*.py diffstudy/*/*.py)

.PHONY: help course test floors train sample docs serve chapters export readme clean
help:
	@echo "make course    set up, train and sample on the embedded digits, render the site (minutes)"
	@echo "make test      set up and prove everything: export in sync, pytest, every notebook, the site in a browser"
	@echo "make chapters  run every chapter afresh and save its outputs    make serve   show the site, follow changes"
	@echo "               (DIFFSTUDY_PROFILE=cpu make test compares the outputs of all chapters, not of the quick ones only: longer)"
	@echo "make docs      render the site to _site/                        make export  write the package from the notebooks"
	@echo "make readme    write README.md from nbs/index.ipynb             make clean   remove what the above made"
	@echo "make floors    the library's tests with the oldest releases that it allows"

# The environment: the package in place, with the tools of those who write the course.
$(VENV)/ready: settings.ini setup.py pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is missing. Install it with 'sudo apt-get install python3 python3-venv' (Debian, Ubuntu) or 'brew install python' (macOS)."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing. Install it with 'sudo apt-get install python3-venv'."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# A reader's environment: the wheel with the extra `course`, no tool of ours. Chapters run here, and a few tests of the wheel.
$(PLAIN)/ready: $(VENV)/ready $(SOURCES) $(filter-out nbs/runs/times.json,$(wildcard nbs/runs/*.json)) $(wildcard nbs/*.bib nbs/*.csv)
	rm -rf $(PLAIN)/dist build
	test -x $(PLAIN)/bin/python || $(PYTHON) -m venv $(PLAIN)
	$(PLAIN)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(PLAIN)/dist .
	$(PLAIN)/bin/python -m pip install --quiet --disable-pip-version-check "$$(echo $(PLAIN)/dist/*.whl)[course]"
	$(PLAIN)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(PLAIN)/dist/*.whl
	@rm -rf build; touch $@

course: $(VENV)/ready
	$(BIN)/diffstudy train digits --run $(RUN)
	$(BIN)/diffstudy sample $(RUN) --w 0,1,3 --out $(RUN)/samples.png
	@$(MAKE) --no-print-directory docs
	@echo; echo "Guided samples:  $(CURDIR)/$(RUN)/samples.png"; echo "The course:      $(CURDIR)/_site/index.html   (or: make serve)"

# Rendering takes seconds, but not when nothing changed.
_site/index.html: $(VENV)/ready _quarto.yml $(wildcard nbs/*.ipynb nbs/*.css nbs/*.json nbs/runs/*.json nbs/images/* diffstudy/*.py diffstudy/*/*.py)
	$(BIN)/python -m diffstudy.site.build docs
	@touch $@
docs: _site/index.html

test: $(VENV)/ready $(PLAIN)/ready
	$(BIN)/ruff check --quiet diffstudy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder --durations=15
	@$(BIN)/python -m diffstudy.site.build browser || echo "Left out: the tests that open pages in a browser, all that use the fixture chromium."

# The library's tests with exactly the oldest releases that settings.ini allows; those of the site need newer tools.
floors:
	rm -rf $(FLOORS) && $(PYTHON) -m venv $(FLOORS)
	sed -n -E 's/^(course_|images_)?requirements *= *//p' settings.ini | tr ' ' '\n' | sed -E 's/>=([^,]*).*/==\1/' >$(FLOORS)/oldest.txt
	$(FLOORS)/bin/python -m pip install --quiet --disable-pip-version-check -r $(FLOORS)/oldest.txt mpmath hypothesis
	$(FLOORS)/bin/python -m pytest diffstudy/tests --ignore diffstudy/tests/test_install.py

serve: $(VENV)/ready
	$(BIN)/python -m diffstudy.site.build $@
chapters: $(VENV)/ready
	$(BIN)/python -m diffstudy.site.build chapters $(CHAPTERS)
readme export: $(VENV)/ready
	$(BIN)/python -m diffstudy.site.build $@

clean:
	rm -rf $(VENV) $(PLAIN) $(FLOORS) _proc _site build dist *.egg-info nbs/nbdev.yml
