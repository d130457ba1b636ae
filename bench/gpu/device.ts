/** The GPU that is measured: what it is called, and how fast it copies. */
import { median, race, type Runner } from "../measure.ts";

/** What an adapter says of itself. */
export interface Adapter {
  readonly description: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly isSoftware: boolean;
}

const SOFTWARE = /llvmpipe|lavapipe|softpipe|swiftshader|basic render|warp/i;

/** What is there to be said of an adapter. */
export function describe({ info }: GPUAdapter): Adapter {
  const { description, device, vendor, architecture } = info;
  return {
    description: description || device || "unknown",
    vendor,
    architecture,
    isSoftware: info.isFallbackAdapter || SOFTWARE.test(`${description} ${device}`),
  };
}

const COPY = `
@group(0) @binding(0) var<storage, read> given: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = id.x + id.y * groups.x * 256u;
  if (i < arrayLength(&given)) {
    copied[i] = given[i];
  }
}`;

/** Copies of so many bytes into another buffer by a kernel, as many as are asked for in one submit. */
export function copying(
  device: GPUDevice,
  given: GPUBuffer,
  copied: GPUBuffer,
  bytes: number,
): (count: number) => void {
  const size = Math.floor(bytes / 16) * 16;
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: COPY }) },
  });
  const most = Math.floor(device.limits.maxStorageBufferBindingSize / 256) * 256;
  const parts = Array.from({ length: Math.ceil(size / most) }, (_, i) => {
    const range = { offset: i * most, size: Math.min(most, size - i * most) };
    const entries = [given, copied].map((buffer, binding) => ({
      binding,
      resource: { buffer, ...range },
    }));
    const workgroups = Math.ceil(range.size / 16 / 256);
    const layout = pipeline.getBindGroupLayout(0);
    return { workgroups, bindGroup: device.createBindGroup({ layout, entries }) };
  });
  return (count) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let k = 0; k < count; k++) {
      for (const { workgroups, bindGroup } of parts) {
        pass.setBindGroup(0, bindGroup);
        const row = Math.min(workgroups, 32_768);
        pass.dispatchWorkgroups(row, Math.ceil(workgroups / row));
      }
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
}

/** So many groups are enqueued before the first of them is waited for: a wait may go on long after the end. */
const GROUPS_AHEAD = 4;

/** Enqueues something so many times, in groups of at most so many, and gives the milliseconds until all is done. */
export async function timeEnqueued(
  device: GPUDevice,
  enqueue: (count: number) => void,
  count: number,
  group: number,
): Promise<number> {
  const waits: Promise<unknown>[] = [];
  const start = performance.now();
  for (let left = count; left > 0; left -= group) {
    enqueue(Math.min(left, group));
    waits.push(device.queue.onSubmittedWorkDone());
    // What is enqueued takes memory until it is done.
    if (waits.length === GROUPS_AHEAD) await waits.shift();
  }
  await Promise.all(waits);
  return performance.now() - start;
}

/** Copies that are enqueued at once. */
export const COPIES = 10_000;
const PROBED = 2 ** 26;

/** What is found in a moment. */
export interface Probed {
  /** Bytes a second of a copy by a kernel. */
  readonly copy: number;
  /** Milliseconds until a submit of nothing has been waited for. */
  readonly wait: number;
}

/** How fast a device copies, and how long it is waited for. */
export async function probe(adapter: GPUAdapter): Promise<Probed> {
  const device = await adapter.requestDevice();
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const [given, copied] = [0, 1].map(() => device.createBuffer({ size: PROBED, usage }));
  const copy = copying(device, given, copied, PROBED);
  const runners: Runner[] = [(count) => timeEnqueued(device, copy, count, COPIES)];
  const budget = { seconds: 0.5, sampleMilliseconds: 200, warmMilliseconds: 50, leastRounds: 2 };
  const [{ wall }] = await race(runners, budget);
  const waits: number[] = [];
  const nothing = () => device.queue.submit([device.createCommandEncoder().finish()]);
  while (waits.length < 9) waits.push(await timeEnqueued(device, nothing, 1, 1));
  device.destroy();
  return { copy: 2 * PROBED / (median(wall) / 1e3), wait: median(waits) };
}

/** Notes in `errors` what goes wrong on a device where nobody waits for it. */
export function watch(device: GPUDevice, errors: string[]): void {
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  device.lost.then(({ message }) => errors.push(`the device is lost: ${message}`));
}

/** Hands a finding to the process that asked for it. */
export function tell(finding: unknown): void {
  console.log(JSON.stringify(finding));
}
