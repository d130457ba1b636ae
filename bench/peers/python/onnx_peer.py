"""The graph that Gradus exports, on ONNX Runtime: `onnx_peer.py THREADS COMMAND...`; the command writes the graph."""

import subprocess
import sys
import tempfile

import numpy
import onnxruntime

from peer import Absent, serve

THREADS, COMMAND = int(sys.argv[1]), sys.argv[2:]
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
        self.inputs = {each.name: each for each in self.session.get_inputs()}
        self.begin(arrays)

    def begin(self, arrays):
        held = {f"w/{i}": array.copy() for i, array in enumerate(arrays)}
        for name, each in self.inputs.items():
            if name not in held and not name.startswith("g/"):
                held[name] = numpy.zeros(each.shape, TYPES[each.type])
        self.held, self.spare = (
            {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in each.items()}
            for each in (held, {name: numpy.empty_like(array) for name, array in held.items()})
        )
        self.names, self.gradients = held.keys(), None
        self.binding, self.other = self.bound(self.held, self.spare), self.bound(self.spare, self.held)

    def bound(self, read, written):
        binding = self.session.io_binding()
        for name in self.names:
            binding.bind_ortvalue_input(name, read[name])
            binding.bind_ortvalue_output(f"next/{name}", written[name])
        return binding

    def place(self, arrays):
        return [onnxruntime.OrtValue.ortvalue_from_numpy(array.copy()) for array in arrays]

    def step(self, gradients):
        if gradients is not self.gradients:
            for binding in (self.binding, self.other):
                for i, gradient in enumerate(gradients):
                    binding.bind_ortvalue_input(f"g/{i}", gradient)
            self.gradients = gradients
        self.session.run_with_iobinding(self.binding)
        self.binding, self.other = self.other, self.binding
        self.held, self.spare = self.spare, self.held

    def wait(self):
        pass

    def parameters(self):
        return [self.held[name].numpy() for name in self.names if name.startswith("w/")]


serve(f"the graph of {COMMAND[-1]} on onnxruntime {onnxruntime.__version__}, {THREADS} threads", Stepped)
