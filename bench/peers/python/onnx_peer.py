"""The graph that Gradus exports, on ONNX Runtime: `onnx_peer.py THREADS COMMAND...`; the command writes the graph."""

import subprocess
import sys
import tempfile

import numpy
import onnxruntime

from peer import Absent, serve

THREADS, COMMAND = int(sys.argv[1]), sys.argv[2:]
value_of = onnxruntime.OrtValue.ortvalue_from_numpy
TYPES = {"tensor(float)": numpy.float32, "tensor(int64)": numpy.int64}


def session_of(words):
    """A session of the graph of a cell."""
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        done = subprocess.run([*COMMAND, file.name, *words], capture_output=True, text=True)
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if "rror: " in line]
            raise Absent(said[0] if said else "its graph was not written")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(file.name, options, ["CPUExecutionProvider"])


class Stepped:
    """Two sets of arrays: what a step reads, and what it writes, which the next one reads; none is copied."""

    def __init__(self, cell, arrays):
        self.session = session_of(cell.words)
        self.inputs = self.session.get_inputs()
        self.begin(arrays)

    def begin(self, arrays):
        held = {f"w/{i}": array.copy() for i, array in enumerate(arrays)}
        for each in self.inputs:
            if each.name not in held and not each.name.startswith("g/"):
                held[each.name] = numpy.zeros(each.shape, TYPES[each.type])
        spare = {name: numpy.empty_like(array) for name, array in held.items()}
        self.now, self.then = Bound(self.session, held, spare), Bound(self.session, spare, held)

    def place(self, arrays):
        return [value_of(array.copy()) for array in arrays]

    def step(self, gradients):
        self.now.run(gradients)
        self.now, self.then = self.then, self.now

    def wait(self):
        pass

    def parameters(self):
        return [array for name, array in self.now.read.items() if name.startswith("w/")]


class Bound:
    """A session that reads some arrays and writes others, by the names of what it reads."""

    def __init__(self, session, read, written):
        self.session, self.read, self.gradients = session, read, None
        self.binding = session.io_binding()
        for name in read:
            self.binding.bind_ortvalue_input(name, value_of(read[name]))
            self.binding.bind_ortvalue_output(f"next/{name}", value_of(written[name]))

    def run(self, gradients):
        if gradients is not self.gradients:
            for i, gradient in enumerate(gradients):
                self.binding.bind_ortvalue_input(f"g/{i}", gradient)
            self.gradients = gradients
        self.session.run_with_iobinding(self.binding)


serve(f"the graph of {COMMAND[-1]} on onnxruntime {onnxruntime.__version__}, {THREADS} threads", Stepped)
