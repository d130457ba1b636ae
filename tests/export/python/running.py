"""What scripts that run generated files share: cases are read, files imported, and what comes of them compared."""

import json
import sys
import tempfile
import traceback

import numpy as np

from modules import module_of


def leaves(numbers, shapes):
    return [np.reshape(np.asarray(x, dtype=np.float32), s) for x, s in zip(numbers, shapes)]


def compared(case, params):
    """The largest difference, in shares of the largest number of its parameter before or after, and whether bits are the same."""
    largest, same = 0.0, True
    for own, before, after in zip(params, *[leaves(case[key], case["shapes"]) for key in ("params", "after")]):
        assert own.shape == after.shape and own.dtype == after.dtype, (own.shape, own.dtype)
        same = same and own.tobytes() == after.tobytes()
        both = np.isnan(own) & np.isnan(after)
        distance = np.where(both, 0.0, np.abs(own.astype(np.float64) - after))
        scale = np.nanmax(np.abs(np.stack([before, after])))
        largest = max(largest, float(distance.max()) / max(float(scale), 1e-30))
    return {"largest": largest, "same": same}


def run(stepped):
    """Prints what becomes of the cases in the file that the command names; `stepped` gives parameters as NumPy's arrays, or none."""
    results = []
    with tempfile.TemporaryDirectory() as folder, open(sys.argv[1]) as file:
        for k, case in enumerate(json.load(file)):
            how = case.get("how", {})
            try:
                module = module_of(case["source"], folder, k)
                if not how:
                    module._self_test()
                params = stepped(case, module, how)
                result = {} if params is None else compared(case, params)
            except Exception:
                result = {"error": traceback.format_exc(limit=-3)}
            results.append({"name": case["name"], **result})
    print(json.dumps(results))
