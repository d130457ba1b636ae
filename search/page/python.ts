/** A program as files of Python on a page, each shown at a click. */
import { GradusError } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { type PythonTarget, toPython } from "../../export/python/mod.ts";
import { factory } from "../../runtime/define.ts";
import { requiredOf } from "../../runtime/required.ts";
import { escaped } from "./html.ts";

const SHOWN: readonly (readonly [to: PythonTarget, name: string])[] = [
  ["torch", "torch"],
  ["optax", "Optax"],
];

/** Markup of a program's files, or of why a framework cannot have it. */
export function asPython(program: Program): string {
  const given = requiredOf(program, 0.1);
  // A few steps of small parameters are soon interpreted.
  const opt = factory(program)(given).with({ backend: "interpreter" });
  const file = (to: PythonTarget): string => {
    try {
      const text = toPython(opt, { to, required: Object.keys(given) });
      return `<p class="note">A file by itself: <code>python ${
        escaped(program.name)
      }.py</code> tests it. A click selects all of it.</p>
<pre class="file">${escaped(text)}</pre>`;
    } catch (error) {
      if (!(error instanceof GradusError)) throw error;
      return `<p>${escaped(error.message)}</p>`;
    }
  };
  return `<div class="files">
${
    SHOWN.map(([to, name]) => `<details><summary>As ${name}</summary>\n${file(to)}\n</details>`)
      .join("\n")
  }
</div>`;
}
