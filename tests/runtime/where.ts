/** On what the leaves of a step are run. */
import { JsPart } from "../../runtime/backends/js/run.ts";
import type { Part } from "../../runtime/backends/backend.ts";
import { WasmPart } from "../../runtime/backends/wasm/run.ts";

/** Which backends ran phases; neither does where the interpreter is. */
export interface Where {
  readonly wasm: boolean;
  readonly js: boolean;
}

/** Does what it is given, and tells on what the steps in it ran. */
export function whereRun(run: () => void): Where {
  const where = { wasm: false, js: false };
  const restore = ([["wasm", WasmPart], ["js", JsPart]] as const).map(
    ([backend, { prototype }]) => {
      const part: Part = prototype;
      const execute = part.execute;
      part.execute = function (...given) {
        where[backend] = true;
        execute.apply(this, given);
      };
      return () => part.execute = execute;
    },
  );
  try {
    run();
  } finally {
    restore.forEach((each) => each());
  }
  return where;
}
