"""Imports generated files."""

import importlib.util
import os
import sys


def module_of(source, folder, k):
    """The module that a text is, written into a folder."""
    path = os.path.join(folder, f"generated_{k}.py")
    with open(path, "w") as file:
        file.write(source)
    spec = importlib.util.spec_from_file_location(f"generated_{k}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
