/** A session of ONNX Runtime as a device: a step is one run of the graph, which is awaited. */
import { GradusError } from "../../dsl/errors.ts";
import { postorder, symbol, ZERO } from "../../dsl/node.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../runtime/step/device.ts";
import { initialLeaf } from "../../runtime/step/initial.ts";
import { type ReadLeaf, sizeOf } from "../../runtime/trees/leaf.ts";
import { scalesOf } from "../../runtime/trees/block8.ts";
import { eachOf, type Place, Written } from "../../runtime/trees/overlap.ts";
import { dtypeOf } from "../../runtime/trees/stored.ts";
import { storedAs } from "../../runtime/trees/state_storage.ts";
import { EVALUATE } from "../onnx/graph.ts";
import { SCALES } from "../onnx/blocks.ts";
import { at } from "../onnx/names.ts";
import type { Engine, Taken } from "./engine.ts";
import type { Evaluation } from "./evaluation.ts";
import { type HeldLeaf, heldParts, isInBuffer } from "./held.ts";
import type { GraphForm } from "./rule.ts";

/** What a device asks of an engine. */
export type DeviceEngine = Pick<Engine, "read" | "run" | "numbersIn">;

/** A graph on an engine. */
export class OrtDevice implements Device<HeldLeaf, GraphForm> {
  readonly read: ReadLeaf<HeldLeaf>;
  readonly storesAsGiven = false;
  readonly ownNumbers: ReadonlySet<string> = new Set();
  readonly #engine: DeviceEngine;
  readonly #evaluation: Evaluation | undefined;

  constructor(engine: DeviceEngine, evaluation: Evaluation | undefined) {
    [this.#engine, this.#evaluation] = [engine, evaluation];
    this.read = (node, path, doing) => engine.read(node, path, doing);
  }

  // What is made is in arrays: the engine takes them where it runs at the first step.
  create(blanks: readonly Blank<HeldLeaf>[], doing: string): unknown[] {
    return blanks.map(
      ({ what, info, stored, shape, init, seen, symbols, parameter, isResult = false }) => {
        // What a graph makes needs no beginning.
        if (isResult) return initialLeaf(ZERO, info, undefined, symbols, stored, shape);
        if (parameter === undefined || !isInBuffer(parameter)) {
          return initialLeaf(init, info, parameter, symbols, stored, shape, seen);
        }
        if (!postorder([init]).includes(symbol("w"))) {
          return initialLeaf(init, info, undefined, symbols, stored, shape);
        }
        throw new GradusError(
          `${doing}: ${what} begins from the parameters, which must be in arrays: given a GPUBuffer; ` +
            `pass what \`download\` gives`,
        );
      },
    );
  }

  write(lists: readonly (readonly HeldLeaf[])[], place: Place, doing: string): Admit<HeldLeaf> {
    const written = new Written();
    const buffers = new Map<GPUBuffer, string>();
    for (const [leaf, k, i] of eachOf(lists)) {
      for (const part of heldParts(leaf)) {
        if (!isInBuffer(part)) {
          written.add(part, k, i);
          continue;
        }
        const other = buffers.get(part.buffer);
        if (other !== undefined) {
          throw new GradusError(
            `${doing}: every buffer must be at one place of the tree: given one at both ${other} and ` +
              place(k, i),
          );
        }
        buffers.set(part.buffer, place(k, i));
      }
    }
    written.requireApart(place, doing);
    // Everything is read before anything is written.
    return (leaf) => leaf;
  }

  place(_value: unknown, state: string): never {
    throw new Error(`The number of \`${state}\` is in the state itself.`);
  }

  prepare(work: Work<HeldLeaf>, _form: GraphForm, doing: string): Prepared<GraphForm> {
    if (work.mode === "evaluate") {
      return {
        run: async ({ numbers }) => {
          const evaluation = this.#evaluation!;
          const { written: left } = takenBy(work);
          const read = left.map((taken) => ({ ...taken, name: `next/${taken.name}` }))
            .filter(({ name }) => evaluation.inputs.has(name));
          const held = await this.#engine.numbersIn(new Set(read.map(({ leaf }) => leaf)), doing);
          await evaluation.run({
            written: work.bound.layout.leaves.map((info, i) => ({
              name: at(EVALUATE, info),
              leaf: heldParts(work.arrays.out[i])[0],
              dtype: info.dtype,
              shape: info.shape,
            })),
            read: read.map((taken) => ({ ...taken, leaf: held.get(taken.leaf)! })),
            numbers,
            doing,
          });
          return new Map();
        },
      };
    }
    return {
      run: async ({ numbers, following }) => {
        const made = await this.#engine.run({ ...takenBy(work), numbers, doing });
        const next = new Map(following);
        for (const [name, value] of made) {
          if (name.startsWith("next/")) next.set(name.slice("next/".length), value);
        }
        return next;
      },
    };
  }
}

/** The leaves that the graph takes, by the names of its inputs. */
function takenBy(
  { bound, storage, states, inputs, arrays: { params, reads, states: kept } }: Work<HeldLeaf>,
): { readonly written: Taken[]; readonly read: Taken[] } {
  const { leaves } = bound.layout;
  const like = (name: string, tree: readonly HeldLeaf[]) =>
    leaves.map((info, i): Taken => ({
      name: at(name, info),
      leaf: heldParts(tree[i])[0],
      dtype: info.dtype,
      shape: info.shape,
    }));
  return {
    written: [
      ...like("w", params!),
      ...states.flatMap((name, k) =>
        leaves.flatMap((info, i): Taken[] => {
          if (!bound.livesIn(i).has(name)) return [];
          const shape = bound.stateShape(name, i);
          const dtype = dtypeOf(storedAs(storage, name, info, shape));
          const [leaf, scales] = heldParts(kept[k][i]);
          const own: Taken = { name: at(name, info), leaf, dtype, shape };
          if (scales === undefined) return [own];
          const count = scalesOf(sizeOf(shape));
          return [own, { name: own.name + SCALES, leaf: scales, dtype: "float32", shape: [count] }];
        })
      ),
    ],
    read: ["g", ...inputs].flatMap((name, k) => like(name, reads[k])),
  };
}
