/**
 * The everyday path: ordinary arrays, with new gradient arrays at every step, as training hands them
 * over. By itself: `deno run -A bench/everyday.ts [--quick] [--seconds 4]`.
 */
import { adamw, lion, type Optimizer, release, resident } from "@gradus/gradus";
import type { Stepper } from "./contestant.ts";
import { type Budget, measure } from "./measure.ts";
import { flag, optionsOf, positive } from "./options.ts";
import { type Cell, machine, today, writeResult } from "./record.ts";
import { showTime } from "./table.ts";
import { showEverydayTargets } from "./targets.ts";
import { HYPER, numbersAt, type Task, tasks } from "./tasks.ts";

type Tree = Record<string, Float32Array>;

/** So many leaves of so many elements. */
interface Form {
  readonly leaves: number;
  readonly length: number;
}

/** One way to be stepped, of ordinary arrays unless it says otherwise. */
interface Lane {
  /** What the table and the targets call it. */
  readonly name: string;
  open(optimizer: Optimizer, form: Form): Stepper;
  /** Whether it is measured at a form. */
  takes?(form: Form): boolean;
}

const FORMS: readonly Form[] = [
  { leaves: 1, length: 3 },
  { leaves: 16, length: 1000 },
  { leaves: 300, length: 256 },
];

const { learningRate } = HYPER;
const optimizers: Readonly<Record<string, Optimizer>> = {
  "Lion": lion({ learningRate }),
  "AdamW": adamw({ learningRate }),
};

const LANES: readonly Lane[] = [
  { name: "step, same gradients", open: (optimizer, form) => stepping(optimizer, form, same) },
  { name: "step, new gradients", open: (optimizer, form) => stepping(optimizer, form, renewed) },
  { name: "update", open: updating },
  { name: "step and allocation", open: steppingAndAllocating },
  // One thread, since ordinary arrays are stepped by one.
  { name: "resident", open: steppingResident, takes: ({ leaves }) => leaves > 16 },
];

// Short samples, so that the new arrays of one do not drive everything else from the caches.
const budgetOf = (seconds: number): Budget => ({
  seconds,
  sampleMilliseconds: 0.25,
  warmMilliseconds: 50 * seconds,
  leastRounds: 15,
});
const SECONDS = 4;
const MOST_BYTES_AHEAD = 2 ** 24;

/** Measures every optimizer at every form in every way. */
export async function everyday(seconds = SECONDS): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const form of FORMS) {
    for (const [task, optimizer] of Object.entries(optimizers)) {
      const lanes = LANES.filter(({ takes }) => takes?.(form) ?? true);
      const steppers = lanes.map(({ open }) => open(optimizer, form));
      const timings = await measure(steppers, budgetOf(seconds));
      const size = sizeOf(form);
      const bytes = size * bytesOf(task);
      lanes.forEach(({ name }, i) =>
        cells.push({ task, size, contestant: name, ...timings[i], bytes })
      );
      for (const { close } of steppers) await close?.();
    }
  }
  return cells;
}

/** The table of the everyday path and what it is held to. */
export function showEveryday(cells: readonly Cell[]): string {
  const lines = FORMS.flatMap((form) =>
    Object.keys(optimizers).map((task) => {
      const times = LANES.map(({ name }) => {
        const found = cells.find((cell) =>
          cell.task === task && cell.contestant === name && cell.size === sizeOf(form)
        );
        return found === undefined ? "" : showTime(found.median);
      });
      return row(`${task}, ${spell(form)}`, times);
    })
  );
  return [
    "The everyday path: median time of a step",
    "",
    row("", LANES.map(({ name }) => name)),
    ...lines,
    "",
    showEverydayTargets(cells),
  ].join("\n");
}

/** The gradients of a step, and what makes them ready before the clock starts. */
interface Gradients {
  prepare(steps: number): void;
  next(): Tree;
}

function same(form: Form): Gradients {
  const [gradients, others] = [gradientsOf(form), renewed(form)];
  // As much is allocated, so that the collector has as much to do.
  return { prepare: others.prepare, next: () => gradients };
}

/** Objects and arrays that no step has seen before. */
function renewed(form: Form): Gradients {
  const first = gradientsOf(form);
  const bytes = form.leaves * (4 * form.length + 200);
  const most = Math.ceil(MOST_BYTES_AHEAD / bytes);
  let ahead: Tree[] = [];
  let at = 0;
  return {
    prepare(steps) {
      ahead = Array.from({ length: Math.min(steps, most) }, () => mapTree(first, (x) => x.slice()));
      at = 0;
    },
    next() {
      // Only warming up takes more than there may be.
      if (at === ahead.length) at = 0;
      return ahead[at++];
    },
  };
}

function stepping(optimizer: Optimizer, form: Form, of: (form: Form) => Gradients): Stepper {
  const params = paramsOf(form);
  const state = optimizer.init(params);
  const { prepare, next } = of(form);
  return { prepare, step: () => optimizer.step(params, next(), state) };
}

function updating(optimizer: Optimizer, form: Form): Stepper {
  const params = paramsOf(form);
  let state = optimizer.init(params);
  let updates: Tree;
  const { prepare, next } = renewed(form);
  return {
    prepare,
    step() {
      [updates, state] = optimizer.update(next(), state, params);
      kept.last = updates;
    },
  };
}

/** What `update` cannot do without: the step itself, and arrays for the updates and the next state. */
function steppingAndAllocating(optimizer: Optimizer, form: Form): Stepper {
  const params = paramsOf(form);
  const state = optimizer.init(params);
  const trees = [params, ...[...optimizer.program.state.keys()].map((name) => state[name] as Tree)];
  const { prepare, next } = renewed(form);
  return {
    prepare,
    step() {
      optimizer.step(params, next(), state);
      kept.last = trees.map((tree) => mapTree(tree, (x) => new Float32Array(x.length)));
    },
  };
}

function steppingResident(optimizer: Optimizer, form: Form): Stepper {
  const alone = optimizer.with({ threads: 1 });
  const [params, gradients] = [resident(paramsOf(form)), resident(gradientsOf(form))];
  const state = alone.init(params);
  return {
    prepare: same(form).prepare,
    step: () => alone.step(params, gradients, state),
    close: () => [params, gradients, state].forEach(release),
  };
}

/** Where results are put, so that no compiler leaves out making them. */
const kept: { last?: unknown } = {};

function paramsOf(form: Form): Tree {
  return split(numbersAt(sizeOf(form)).w, form);
}

function gradientsOf(form: Form): Tree {
  return split(numbersAt(sizeOf(form)).g, form);
}

function split(numbers: Float32Array, { leaves, length }: Form): Tree {
  return Object.fromEntries(
    Array.from(
      { length: leaves },
      (_, i) => [`leaf${i}`, numbers.slice(i * length, (i + 1) * length)],
    ),
  );
}

function mapTree(tree: Tree, change: (leaf: Float32Array) => Float32Array): Tree {
  const mapped: Tree = {};
  for (const key in tree) mapped[key] = change(tree[key]);
  return mapped;
}

function sizeOf({ leaves, length }: Form): number {
  return leaves * length;
}

function bytesOf(task: string): number {
  return (tasks.find(({ name }) => name === task) as Task).bytes;
}

function spell({ leaves, length }: Form): string {
  return `${leaves === 1 ? "1 leaf" : `${leaves} leaves`} of ${length.toLocaleString("en")}`;
}

function row(label: string, columns: readonly string[]): string {
  return `  ${label}`.padEnd(34) + columns.map((column) => column.padStart(22)).join("");
}

if (import.meta.main) {
  const help = "deno run -A bench/everyday.ts [--seconds 4] [--quick]";
  const { seconds, quick } = optionsOf(help, { seconds: positive, quick: flag });
  const cells = await everyday(seconds ?? (quick ? 1 : undefined));
  console.log(showEveryday(cells));
  const result = { name: "everyday", date: today(), machine: machine(), cells };
  const written = await writeResult("everyday", "json", JSON.stringify(result, null, 2) + "\n");
  console.log(`\nWritten: ${written}`);
}
