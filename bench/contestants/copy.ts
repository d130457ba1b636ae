/** The limit: a plain copy that reads and writes as many bytes as the step, and computes nothing. */
import type { Contestant, Stepper } from "../contestant.ts";
import type { Task } from "../tasks.ts";
import { type Copying, DONE, EPOCH } from "./copy_worker.ts";

// ONNX Runtime puts Node's class of the same name in its place as soon as it runs.
const { Worker } = globalThis;

// Some ten seconds.
const MOST_SPINS = 5e9;

/** The copy on one thread. */
export const copy: Contestant = {
  name: "copy of as many bytes, 1 thread",
  takes: () => true,
  open(task, size): Stepper {
    const [from, to] = [new Uint8Array(lengthOf(task, size)), new Uint8Array(lengthOf(task, size))];
    // Pages that were never written to are all the same page, and cost no memory to read.
    from.fill(1);
    return { step: () => to.set(from) };
  },
};

/** The copy on two threads over shared memory: the caller and a worker, a half each. */
export const copyByTwo: Contestant = {
  name: "copy of as many bytes, 2 threads",
  takes: () => true,
  async open(task, size): Promise<Stepper> {
    const length = lengthOf(task, size);
    const half = Math.ceil(length / 2 / 64) * 64;
    const shared: Copying = {
      control: new Int32Array(new SharedArrayBuffer(8)),
      from: new Uint8Array(new SharedArrayBuffer(length)),
      to: new Uint8Array(new SharedArrayBuffer(length)),
      half,
    };
    const { control, from, to } = shared;
    from.fill(1);
    const worker = new Worker(new URL("./copy_worker.ts", import.meta.url), { type: "module" });
    await new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = reject;
      worker.postMessage(shared);
    });
    const [ours, ourTarget] = [from.subarray(0, half), to.subarray(0, half)];
    return {
      step() {
        const epoch = Atomics.add(control, EPOCH, 1) + 1;
        Atomics.notify(control, EPOCH);
        ourTarget.set(ours);
        for (let spin = 0; Atomics.load(control, DONE) !== epoch; spin++) {
          if (spin > MOST_SPINS) throw new Error("The worker that copies the other half is gone");
        }
      },
      close: () => worker.terminate(),
    };
  },
};

// A copied byte is read once and written once.
function lengthOf({ bytes }: Task, size: number): number {
  return Math.ceil(bytes * size / 2);
}
