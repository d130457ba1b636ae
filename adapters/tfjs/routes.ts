/** Chooses how variables are stepped on the backend that tfjs computes on. */
import { GradusError, shown } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { HostRoute, memoryOfBackend } from "./host.ts";
import type { Route } from "./route.ts";
import { gpuBackendOf, WebGpuRoute } from "./webgpu.ts";
import type { Tfjs } from "./tf.ts";

/** The way of a backend. */
export function routeFor(optimizer: Optimizer, tf: Tfjs, doing: string): Route {
  const memory = memoryOfBackend(tf);
  if (memory !== undefined) return new HostRoute(tf, optimizer, memory);
  const gpu = gpuBackendOf(tf);
  if (gpu !== undefined) return new WebGpuRoute(tf, optimizer, gpu, doing);
  throw new GradusError(`${doing}: backend ${shown(tf.getBackend())} has no way yet`);
}
