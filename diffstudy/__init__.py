"Diffusion models derived, implemented and checked; a package is imported when it is first used."
__version__ = "0.1.0"

def _modules():
    import pkgutil  # in the wheel `site` is one file, which says where it is
    return {m.name for m in pkgutil.iter_modules(__path__)
            if m.ispkg or m.name not in ("__main__", "site")} - {"tests"}

def __getattr__(name):
    import difflib, importlib
    if name.startswith("_"): raise AttributeError(f"module 'diffstudy' has no attribute {name!r}")
    if name == "schedule": name = "process.schedule"  # the one module that has a short name
    if name.split(".")[0] in (known := _modules()):
        return importlib.import_module(f"diffstudy.{name}")
    near = difflib.get_close_matches(name, known, 1, .5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise AttributeError(
        f"module 'diffstudy' has no attribute {name!r}; {hint}modules: {', '.join(sorted(known))}")

def __dir__(): return sorted({*globals(), *_modules()})

def _hand_on(package, homes):
    "Make the __getattr__ and __dir__ of a package whose names are imported when they are used."
    import importlib
    home = {name: module for module, names in homes.items() for name in names.split()}

    def get(name):
        if name in home: return getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        raise AttributeError(
            f"module {package!r} has no attribute {name!r}; it has {', '.join(home)}")
    return get, lambda: sorted(home)
