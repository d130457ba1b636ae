/** The GPU that is measured: what it is called, and how fast it copies. */
import { ENQUEUED } from "../contestants/webgpu.ts";
import { measure } from "../measure.ts";

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

/** Something that is enqueued again and again on a device. */
export interface Enqueued {
  readonly name: string;
  readonly bytes: number;
  enqueue(): void;
}

/** Copies of so many bytes into another buffer, by a kernel and by the command that there is for it. */
export function copies(
  device: GPUDevice,
  given: GPUBuffer,
  copied: GPUBuffer,
  bytes: number,
): Enqueued[] {
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
  return [
    {
      name: "copy by a WGSL kernel",
      bytes: 2 * size,
      enqueue() {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        for (const { workgroups, bindGroup } of parts) {
          pass.setBindGroup(0, bindGroup);
          const row = Math.min(workgroups, 32_768);
          pass.dispatchWorkgroups(row, Math.ceil(workgroups / row));
        }
        pass.end();
        device.queue.submit([encoder.finish()]);
      },
    },
    {
      name: "copyBufferToBuffer",
      bytes: 2 * size,
      enqueue() {
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(given, 0, copied, 0, size);
        device.queue.submit([encoder.finish()]);
      },
    },
  ];
}

const PROBED = 2 ** 26;

/** Bytes a second of a copy by a kernel, found in a moment. */
export async function probe(adapter: GPUAdapter): Promise<number> {
  const device = await adapter.requestDevice();
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const [given, copied] = [0, 1].map(() => device.createBuffer({ size: PROBED, usage }));
  const [{ enqueue, bytes }] = copies(device, given, copied, PROBED);
  const step = () => {
    for (let i = 0; i < ENQUEUED; i++) enqueue();
    return device.queue.onSubmittedWorkDone() as Promise<void>;
  };
  const budget = { seconds: 0.5, sampleMilliseconds: 10, warmMilliseconds: 50, leastRounds: 2 };
  const [{ median }] = await measure([{ step }], budget);
  device.destroy();
  return ENQUEUED * bytes / (median / 1e3);
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
