/** Tasks that are larger than others and like them in all else. */
import type { ProxyTask } from "./proxies.ts";
import { logSpectrum, type QuadraticTask } from "./quadratic.ts";

/**
 * A task like another and so many times larger, under other seeds: a quadratic of so many times more elements
 * with the same condition, a proxy of so many times the work, half of it more steps, half of it more size.
 *
 * @example
 * ```ts
 * import { larger, proxy, quadratic } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(larger(quadratic(), 10).size, 640);
 * assertEquals(larger(proxy("zipf@1"), 100).steps, 1500);
 * ```
 */
export function larger<T extends QuadraticTask | ProxyTask>(task: T, factor: number): T {
  const same = {
    ...task,
    name: `${task.name}, ${factor} times larger`,
    seeds: task.seeds.map((seed) => seed + 1000 * factor),
  };
  if (same.kind === "proxy") {
    const steps = Math.round(task.steps * Math.sqrt(factor));
    return { ...same, factor: same.factor * factor, steps };
  }
  const { size, block, spectrum } = same;
  const grown = Math.round(size * factor / block) * block;
  const condition = spectrum[0] / spectrum[spectrum.length - 1];
  return { ...same, size: grown, spectrum: logSpectrum(grown, condition) };
}
