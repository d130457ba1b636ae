/**
 * Whether a device converts from and to float16 as the library does. WGSL leaves open to which neighbour a number is
 * rounded, and whether subnormal ones are kept, so each device is asked: for every float16 number, for what is between
 * two of them, and for other bits.
 */
import { markExact } from "./features.ts";
import { prelude } from "./prelude.ts";
import { FLOAT16_FUNCTIONS } from "./storage_functions.ts";
import { WORKGROUP } from "./workgroup.ts";

/** What adapters were found to do, by what they say of themselves. */
const known = new Map<string, Promise<boolean>>();

/** Finds out whether a device's own conversions may be used, if that is not known of its adapter. */
export async function checkFloat16(device: GPUDevice): Promise<void> {
  const { vendor, architecture, device: name, description } = device.adapterInfo;
  const adapter = JSON.stringify([vendor, architecture, name, description]);
  let found = known.get(adapter);
  if (found === undefined) known.set(adapter, found = isExact(device));
  if (await found) markExact(device);
}

const CODES = 2 ** 16;

/** The functions of the device under names of their own. */
const OWN = Object.entries(FLOAT16_FUNCTIONS).map(([name, source]) =>
  source.replace(`fn ${name}(`, `fn own${name}(`)
);

const BODY = `
@group(0) @binding(0) var<storage, read_write> wrong: atomic<u32>;

fn isSame(a: f32, b: f32) -> bool {
  let x = bitcast<u32>(a);
  let y = bitcast<u32>(b);
  let areNone = (x & 0x7fffffffu) > 0x7f800000u && (y & 0x7fffffffu) > 0x7f800000u;
  return x == y || areNone;
}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let code = id.x;
  let one = fromFloat16(code);
  var isRight = isSame(ownfromFloat16(code), one);
  let quad = code | (code << 16u);
  let read = ownfourfromFloat16(quad, quad);
  for (var k = 0u; k < 4u; k++) {
    isRight = isRight && isSame(read[k], one);
  }
  // The middle between it and the next, as bits: beyond the last comes what would be 2^16.
  let size = code & 0x7fffu;
  let next = select(fromFloat16(size + 1u), 65536f, size >= 0x7bffu);
  let middle = bitcast<u32>((fromFloat16(min(size, 0x7bffu)) + next) * 0.5f) | ((code & 0x8000u) << 16u);
  let others = code * 2654435769u;
  let given = array(
    vec4<u32>(bitcast<u32>(one), middle - 1u, middle, middle + 1u),
    vec4<u32>(others, others ^ 0x80000000u, (others & 0x8fffffffu) | 0x30000000u, others | 0x7f800000u),
  );
  for (var k = 0u; k < 2u; k++) {
    let four = bitcast<vec4<f32>>(given[k]);
    isRight = isRight && all(ownfourtoFloat16(four) == fourtoFloat16(four));
  }
  if (!isRight) {
    atomicAdd(&wrong, 1u);
  }
}`;

async function isExact(device: GPUDevice): Promise<boolean> {
  const features = { subgroups: false, float16: false };
  const code = [prelude(1, BODY, features), ...OWN, BODY].join("\n");
  device.pushErrorScope("validation");
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const wrong = device.createBuffer({ size: 4, usage: STORAGE | COPY_SRC });
  const copy = device.createBuffer({ size: 4, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: wrong } }],
    }),
  );
  pass.dispatchWorkgroups(CODES / WORKGROUP);
  pass.end();
  encoder.copyBufferToBuffer(wrong, 0, copy, 0, 4);
  device.queue.submit([encoder.finish()]);
  try {
    if (await device.popErrorScope() !== null) return false;
    await copy.mapAsync(GPUMapMode.READ);
    return new Uint32Array(copy.getMappedRange())[0] === 0;
  } catch {
    // Of a device that is lost nothing is known.
    return false;
  } finally {
    wrong.destroy();
    copy.destroy();
  }
}
