/** How a kernel goes through the axes of a leaf: run by run along the innermost, those around it counted. */
import type { Node } from "../../../dsl/node.ts";
import { type Accumulation, operandsOf, type Plan } from "../../plan/plan.ts";
import type { GroupRun } from "../backend.ts";
import { bytesOf } from "../../trees/dtype.ts";
import type { Code, Local } from "./code.ts";
import { type FieldKey, fieldsOf } from "./fields.ts";
import type { Pass, PassAxes } from "./passes.ts";
import type { Stream } from "./load_store.ts";

/** The two pairs of lanes that something accumulates in. */
export interface LanePairs {
  readonly low: Local;
  readonly high: Local;
}

interface StoredLanes extends LanePairs {
  readonly address: Local;
}

interface Used {
  readonly key: FieldKey;
  readonly extent: number;
  readonly bytes: number;
  readonly base: Local;
  readonly word: number;
}

/** The loops of a pass around its innermost, and the fields that it meets there. */
export class Walk {
  readonly #code: Code;
  readonly #plan: Plan;
  readonly #groups: PassAxes["groups"];
  readonly #isDouble: boolean;
  readonly #used: readonly Used[];
  /** The extent of each group of axes and the place in it. */
  readonly #extents: readonly Local[];
  readonly #places: readonly Local[];
  readonly #left: Local;
  /** Fields that vary along the innermost axis. */
  readonly slots: ReadonlyMap<FieldKey, Stream>;
  /** The values that stay the same along it, in all lanes. */
  readonly constants: ReadonlyMap<Node, Local>;
  /** What accumulates along it in lanes. */
  readonly lanes: ReadonlyMap<Accumulation, StoredLanes>;
  /** The place of the next element in row-major order. */
  readonly place: Local;

  constructor(code: Code, plan: Plan, { loop }: Pass, axes: PassAxes, dtype: GroupRun["dtype"]) {
    [this.#code, this.#plan, this.#groups] = [code, plan, axes.groups];
    this.#isDouble = dtype === "float64";
    const computed = new Set(loop.nodes);
    const fields = fieldsOf(plan);
    const keys = new Set<FieldKey>([
      ...operandsOf(loop).filter((node) => !computed.has(node)),
      ...(typeof loop.extent === "number" ? loop.kept : []),
      ...loop.accumulations,
      ...loop.outputs,
    ]);
    const word = () => code.local("i32");
    this.#used = [...keys].filter((key) => fields.has(key)).map((key): Used => {
      const { extent, index, isAccumulator, lanes } = fields.get(key)!;
      const bytes = lanes * (isAccumulator ? 8 : bytesOf(dtype));
      return { key, extent, bytes, base: word(), word: plan.rank + index };
    });
    this.#extents = axes.groups.map(word);
    this.#places = axes.groups.map(word);
    [this.#left, this.place] = [word(), word()];
    const [slots, constants, lanes] = [
      new Map<FieldKey, Stream>(),
      new Map<Node, Local>(),
      new Map<Accumulation, StoredLanes>(),
    ];
    for (const { key, extent } of this.#used) {
      const { isAccumulator } = fields.get(key)!;
      if (this.#isAlong(extent)) {
        slots.set(key, { dtype: isAccumulator ? "float64" : dtype, address: word() });
      } else if (isAccumulator) {
        const [low, high] = [code.local("v128"), code.local("v128")];
        lanes.set(key as Accumulation, { low, high, address: word() });
      } else constants.set(key as Node, code.local("v128"));
    }
    [this.slots, this.constants, this.lanes] = [slots, constants, lanes];
  }

  /** Reads the leaf's record, at `offset` from `numbers`, and where the entry begins. */
  begin(numbers: Local, offset: number, from: Local, length: Local): void {
    const code = this.#code;
    const load = (word: number) => code.get(numbers).memory("i32.load", offset + 4 * word);
    this.#groups.forEach((axes, i) => {
      axes.forEach((axis, k) => {
        load(axis);
        if (k > 0) code.op("i32.mul");
      });
      code.set(this.#extents[i]);
    });
    for (const { word, base } of this.#used) load(word).set(base);
    code.get(length).set(this.#left);
    const rest = code.local("i32");
    code.get(from).tee(this.place).set(rest);
    // The place is taken apart from the innermost axis outwards.
    for (let i = this.#groups.length - 1; i > 0; i--) {
      code.get(rest).get(this.#extents[i]).op("i32.rem_u").set(this.#places[i]);
      code.get(rest).get(this.#extents[i]).op("i32.div_u").set(rest);
    }
    code.get(rest).set(this.#places[0]);
  }

  /** Goes run by run through the entry; `body` does one, of as many elements as are in `run`. */
  runs(run: Local, body: () => void): void {
    const code = this.#code;
    const next = code.local("i32");
    code.block(() => {
      code.loop(() => {
        code.get(this.#left).op("i32.eqz").branchIf(1);
        code.block(() => {
          code.get(this.#extents.at(-1)!).get(this.#places.at(-1)!).op("i32.sub").tee(run);
          code.get(this.#left).op("i32.le_u").branchIf(0);
          code.get(this.#left).set(run);
        });
        code.get(this.#left).get(run).op("i32.sub").set(this.#left);
        code.get(this.place).get(run).op("i32.add").set(next);
        this.#reach();
        body();
        this.#leave();
        code.get(next).set(this.place);
        this.#advance();
        code.branch(0);
      });
    });
  }

  /** Whether what has this extent varies along the innermost axis. */
  #isAlong(extent: number): boolean {
    return (extent & (1 << this.#groups.at(-1)![0])) !== 0;
  }

  /** Brings in what a run reads and goes on accumulating. */
  #reach(): void {
    const code = this.#code;
    for (const used of this.#used) {
      const slot = this.slots.get(used.key);
      const lanes = this.lanes.get(used.key as Accumulation);
      this.#address(used);
      if (slot !== undefined) code.set(slot.address);
      else if (lanes !== undefined) {
        code.tee(lanes.address).memory("v128.load").set(lanes.low);
        code.get(lanes.address).memory("v128.load", 16).set(lanes.high);
      } else {
        code.memory(this.#isDouble ? "v128.load64_splat" : "v128.load32_splat");
        code.set(this.constants.get(used.key as Node)!);
      }
    }
  }

  #leave(): void {
    for (const { address, low, high } of this.lanes.values()) {
      this.#code.get(address).get(low).memory("v128.store");
      this.#code.get(address).get(high).memory("v128.store", 16);
    }
  }

  /** Pushes the address of the value of a field at the place. */
  #address({ extent, base, bytes }: Used): void {
    const code = this.#code;
    const within = this.#groups.flatMap(([axis], i) => extent & (1 << axis) ? [i] : []);
    within.forEach((i, k) => {
      if (k > 0) code.get(this.#extents[i]).op("i32.mul");
      code.get(this.#places[i]);
      if (k > 0) code.op("i32.add");
    });
    code.i32(bytes).op("i32.mul").get(base).op("i32.add");
  }

  #advance(): void {
    const code = this.#code;
    const last = this.#groups.length - 1;
    if (last > 0) code.i32(0).set(this.#places[last]);
    code.block(() => {
      for (let i = last - 1; i > 0; i--) {
        code.get(this.#places[i]).i32(1).op("i32.add").tee(this.#places[i]);
        code.get(this.#extents[i]).op("i32.ne").branchIf(0);
        code.i32(0).set(this.#places[i]);
      }
      if (last > 0) code.get(this.#places[0]).i32(1).op("i32.add").set(this.#places[0]);
    });
  }
}
