/** All that a step can run on. */
import type { Backend } from "../../mod.ts";

/** Every backend: a test of behaviour holds on each. */
export const backends: readonly Backend[] = ["wasm", "js", "interpreter"];
