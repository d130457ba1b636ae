"""Runs generated files on cases in a JSON file, and prints as JSON what came of each."""

import importlib.util
import json
import os
import sys
import tempfile
import traceback


def module_of(source, folder, k):
    path = os.path.join(folder, f"generated_{k}.py")
    with open(path, "w") as file:
        file.write(source)
    spec = importlib.util.spec_from_file_location(f"generated_{k}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def snake(name):
    """The names of inputs that cases have are plain."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def run(of_case):
    """Prints what `of_case` makes of each case and its module, with its name."""
    results = []
    with tempfile.TemporaryDirectory() as folder, open(sys.argv[1]) as file:
        for k, case in enumerate(json.load(file)):
            try:
                result = of_case(case, module_of(case["source"], folder, k), case.get("how", {}))
            except Exception:
                result = {"error": traceback.format_exc(limit=-3)}
            results.append({"name": case["name"], **result})
    print(json.dumps(results))
