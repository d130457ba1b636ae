/** All leaves as one vector, for programs that treat every element alike; what is of all is of the vector. */
import { GradusError } from "../../dsl/errors.ts";
import { type Node, postorder } from "../../dsl/node.ts";
import { matrixRow, reduceRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import type { Binding } from "../../runtime/step/binding.ts";
import type { Group } from "../../runtime/step/groups.ts";
import { spellPath } from "../../runtime/trees/leaf.ts";

/** The vector, and the hyperparameters that are vectors beside it. */
export interface Flat {
  readonly group: Group;
  readonly vectors: ReadonlySet<string>;
}

/** All leaves as one group; what is not the same for all hyperparameters becomes a vector. */
export function flatten(program: Program, binding: Binding, doing: string): Flat {
  requireElementwise(program, doing);
  const [first, ...others] = binding.groups;
  const { leaves } = binding.layout;
  const other = others.find(({ dtype }) => dtype !== first.dtype);
  if (other !== undefined) {
    throw new GradusError(
      `${doing}: parameters that are one vector must be of one type: given ${first.dtype} at ` +
        `${spellPath(leaves[first.leaves[0]].path)} and ${other.dtype} at ` +
        spellPath(leaves[other.leaves[0]].path),
    );
  }
  const vectors = new Set<string>();
  for (const [name, { value, part, isMasked }] of first.settings) {
    const isSame = others.every(({ settings }) => {
      const given = settings.get(name)!;
      return given.part === part && given.isMasked === isMasked;
    });
    if (isSame) continue;
    if (typeof value !== "boolean") vectors.add(name);
    else {
      throw new GradusError(
        `${doing}: parameters that are one vector must be stepped by one program: \`${name}\` is ` +
          `true for some and false for others`,
      );
    }
  }
  const structural = new Map([...first.structural].filter(([name]) => !vectors.has(name)));
  const settings = new Map([...first.settings].filter(([name]) => !vectors.has(name)));
  return { group: { ...first, axes: [], structural, settings, live: binding.live }, vectors };
}

function requireElementwise(program: Program, doing: string): void {
  const isWhole = ({ op, arg }: Node) =>
    (reduceRow(op) !== undefined && arg !== "tree") || matrixRow(op) !== undefined ||
    op === "Index" ||
    (op === "Symbol" && SHAPE_SYMBOLS.has(arg as string));
  for (const { target, value } of program.statements) {
    const found = postorder([value]).find(isWhole);
    if (found === undefined) continue;
    throw new GradusError(
      `${doing}: only a program that treats every element alike can step one vector, and ` +
        `\`${sketchExpression(found)}\` in \`${target} = ${
          sketchExpression(value)
        }\` is of a whole ` +
        `parameter`,
    );
  }
  for (const [name, { over }] of program.state) {
    if (over === "element" || over === "tree") continue;
    throw new GradusError(
      `${doing}: only a program that treats every element alike can step one vector, and state ` +
        `\`${name}\` is kept over ${
          over === "tensor" ? "a tensor" : over === "sizes" ? "a shape of its own" : "axes"
        }`,
    );
  }
}
