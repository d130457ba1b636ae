"""What scripts whose arrays NumPy reads share: the arrays of a case, and how far others are from them."""

import numpy as np


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


def of_case(stepped):
    """What becomes of a case; `stepped` gives the parameters that a module leads to."""

    def made(case, module, how):
        if not how:
            module._self_test()
        return compared(case, stepped(case, module, how))

    return made
