"""What contestants in Python share: reads a line, does what it says, and answers by a line, as ../README.md tells."""

import sys
import time

import numpy


class Absent(Exception):
    """Why a contestant does not take part."""


class Cell:
    """A rule on parameters of some shapes: `make`, of the cell and arrays to begin with, gives what steps them."""

    def __init__(self, make, *words):
        self.words = words
        self.rule, self.form, folder, *numbers = words
        self.numbers = {name: float(x) for name, x in (each.split("=") for each in numbers)}
        with open(f"{folder}/shapes.txt") as file:
            self.shapes = [tuple(map(int, line.split())) for line in file]
        self.sizes = [int(numpy.prod(shape)) for shape in self.shapes]
        self.start = numpy.fromfile(f"{folder}/w.f32", numpy.float32)
        self.block = numpy.fromfile(f"{folder}/g.f32", numpy.float32)
        self.stepper = make(self, self.arrays(self.start, 0))
        self.sets = [self.gradients(k) for k in range(int(self.numbers["sets"]))]

    def arrays(self, block, start):
        """Arrays of all shapes, of a block that comes again and again, from some place on."""
        arrays = []
        for shape, size in zip(self.shapes, self.sizes):
            at = start % len(block)
            some = block[at : at + size]
            if len(some) < size:
                some = numpy.resize(numpy.roll(block, -at), size)
            arrays.append(some.reshape(shape))
            start += size
        return arrays

    def gradients(self, k):
        return self.stepper.place(self.arrays(self.block, k * int(self.numbers["shift"])))

    def check(self, steps, stride, path):
        sets = self.sets if len(self.sets) > 1 else [self.sets[0], self.gradients(1)]
        for k in range(steps):
            self.stepper.step(sets[k % len(sets)])
        parts, at = [], 0
        for array, size in zip(self.stepper.parameters(), self.sizes):
            parts.append(numpy.asarray(array, numpy.float32).ravel()[at::stride])
            at = (at - size) % stride
        numpy.concatenate(parts).tofile(path)

    def time(self, steps):
        if self.form == "training":
            return self.time_trainings(steps)
        if self.form == "fresh":
            return self.time_fresh(steps)
        stepper, gradients = self.stepper, self.sets[0]
        stepper.wait()
        start = time.perf_counter_ns()
        for _ in range(steps):
            stepper.step(gradients)
        stepper.wait()
        return time.perf_counter_ns() - start

    def time_fresh(self, steps):
        most = int(self.numbers["ahead"])
        spent = 0
        while steps > 0:
            ahead = [self.gradients(k) for k in range(min(steps, most))]
            self.stepper.wait()
            start = time.perf_counter_ns()
            for gradients in ahead:
                self.stepper.step(gradients)
            self.stepper.wait()
            spent += time.perf_counter_ns() - start
            steps -= len(ahead)
        return spent

    def time_trainings(self, count):
        spent = 0
        for _ in range(count):
            arrays = self.arrays(self.start, 0)
            start = time.perf_counter_ns()
            self.stepper.begin(arrays)
            for k in range(int(self.numbers["trainingSteps"])):
                self.stepper.step(self.sets[k % len(self.sets)])
            self.stepper.wait()
            spent += time.perf_counter_ns() - start
        return spent


def answer(cell, words, make):
    """The cell from now on, and what is said of it."""
    match words:
        case ["open", *given]:
            try:
                return Cell(make, *given), "ready"
            except Absent as absent:
                return None, f"absent {absent}"
        case ["check", steps, stride, path]:
            cell.check(int(steps), int(stride), path)
            return cell, "done"
        case ["time", steps]:
            return cell, str(cell.time(int(steps)))
        case ["close"]:
            return None, "closed"
    raise ValueError(f"no such line: {' '.join(words)}")


def serve(hello, make):
    """Answers until there are no more lines; an error ends it."""
    print(f"hello {hello}", flush=True)
    cell = None
    for line in sys.stdin:
        try:
            cell, said = answer(cell, line.split(), make)
        except Exception as error:
            said = f"failed {type(error).__name__}: {error}".replace("\n", " ")
        print(said, flush=True)
        if said.startswith("failed"):
            break
