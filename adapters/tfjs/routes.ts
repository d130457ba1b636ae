/** Chooses how variables are stepped on the backend that tfjs computes on. */
import { GradusError } from "../../dsl/errors.ts";
import { elaborate, rootsOf } from "../../dsl/graph.ts";
import { postorder, symbol } from "../../dsl/node.ts";
import { matrixRow, randomRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { elementInputs } from "../../runtime/backends/backend.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { spellStored } from "../../runtime/trees/stored.ts";
import { HostRoute, memoryOfBackend } from "./host.ts";
import { OpsRoute } from "./ops_route.ts";
import type { Route } from "./route.ts";
import type { Tfjs } from "./tf.ts";
import { gpuBackendOf, WebGpuRoute } from "./webgpu.ts";

/** The way of the backend that computes now: by the kernels of Gradus if they can, else by tfjs's operations. */
export function routeFor(optimizer: Optimizer, tf: Tfjs, doing: string): Route {
  const memory = memoryOfBackend(tf);
  if (memory !== undefined) return new HostRoute(tf, optimizer, memory);
  for (const [name, stored] of optimizer.storage) {
    if (stored === "float32") continue;
    throw new GradusError(
      `${doing}: on backend "${tf.getBackend()}" every state must be stored as float32: \`${name}\` is ` +
        `stored as ${spellStored(stored)}`,
    );
  }
  const gpu = gpuBackendOf(tf);
  if (gpu !== undefined && isForGpu(optimizer.program, gpu.device)) {
    return new WebGpuRoute(tf, optimizer, gpu, doing);
  }
  return new OpsRoute(tf, optimizer, doing);
}

/** The buffers of a kernel that are not of the leaf: its table, its numbers, and sums. */
const OTHER_BUFFERS = 3;

/** Whether every step of a program can be computed by shaders, within the device's limits. */
function isForGpu(program: Program, { limits }: GPUDevice): boolean {
  const isComputed =
    postorder(rootsOf(elaborate(program))).every(({ op }) =>
      matrixRow(op) === undefined && randomRow(op) === undefined && op !== "Index"
    ) && [...program.state.values()].every(({ sizes }) => sizes === undefined);
  const states = [...program.state.values()].filter(({ over }) => over !== "tree");
  const begins = states.every(({ init, over }) =>
    init === symbol("w") && over === "element" || !postorder([init]).includes(symbol("w"))
  );
  const buffers = 2 + elementInputs(program).length + states.length + OTHER_BUFFERS;
  return isComputed && begins && buffers <= limits.maxStorageBuffersPerShaderStage;
}
