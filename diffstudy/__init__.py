"Diffusion models derived, implemented and checked; each module is imported where it is first used."
__version__ = "0.1.0"

def _modules():
    import pkgutil
    return {m.name for m in pkgutil.iter_modules(__path__)} - {"__main__", "tests"}

def __getattr__(name):
    import difflib, importlib
    if name.startswith("_"): raise AttributeError(f"module 'diffstudy' has no attribute {name!r}")
    if name in (known := _modules()): return importlib.import_module(f"diffstudy.{name}")
    near = difflib.get_close_matches(name, known, 1, .5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise AttributeError(
        f"module 'diffstudy' has no attribute {name!r}; {hint}modules: {', '.join(sorted(known))}")

def __dir__(): return sorted({*globals(), *_modules()})
