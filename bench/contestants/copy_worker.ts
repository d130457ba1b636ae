/// <reference lib="deno.worker" />
/** The second thread of the copy: waits for each step by Atomics, so that no message is timed. */

/** What the two threads share. */
export interface Copying {
  readonly control: Int32Array<SharedArrayBuffer>;
  readonly from: Uint8Array<SharedArrayBuffer>;
  readonly to: Uint8Array<SharedArrayBuffer>;
  /** The caller copies the bytes before this one, the worker the rest. */
  readonly half: number;
}

/** Where `control` counts the steps begun. */
export const EPOCH = 0;
/** Where it counts those that the worker has done. */
export const DONE = 1;

// Long enough to meet the next step of a sample awake, short enough to leave the others the core.
const SPINS = 20_000;

function work({ control, from, to, half }: Copying): never {
  const [theirs, target] = [from.subarray(half), to.subarray(half)];
  for (let epoch = 0;;) {
    let seen = epoch;
    for (let spin = 0; seen === epoch && spin < SPINS; spin++) seen = Atomics.load(control, EPOCH);
    if (seen === epoch) {
      Atomics.wait(control, EPOCH, epoch);
      continue;
    }
    target.set(theirs);
    Atomics.store(control, DONE, epoch = seen);
  }
}

if (typeof DedicatedWorkerGlobalScope !== "undefined") {
  self.onmessage = ({ data }: MessageEvent<Copying>) => {
    self.postMessage("ready");
    work(data);
  };
}
