/**
 * The benchmark: steps five optimizers at sizes from a thousand to ten million parameters, on Gradus
 * and on whatever else steps them, side by side in one run, and then the everyday path by itself. Ratios
 * hold within a run, not across.
 */
import { SingleBar } from "cli-progress";
import { renderChart } from "./chart.ts";
import { check } from "./check.ts";
import { Absent, type Contestant, type Stepper } from "./contestant.ts";
import { contestants } from "./contestants/mod.ts";
import { everyday, showEveryday } from "./everyday.ts";
import { type Budget, measure } from "./measure.ts";
import { fileName, flag, optionsOf, partsOf, positive, someOf, whole } from "./options.ts";
import { type Cell, type Gap, machine, type Run, today, writeResult } from "./record.ts";
import { table } from "./table.ts";
import { showTargets } from "./targets.ts";
import { type Task, tasks } from "./tasks.ts";

const HELP = `deno task bench [options]

  --quick               three sizes and little time for each: under half a minute
  --sizes 1e3,4e6       numbers of parameters
  --tasks lion,adamw    only tasks whose name contains one of these
  --contestants loop    only contestants whose name contains one of these
  --seconds 4           time for each task at each size
  --name steps          writes bench/results/<date>-<name>.json and .svg; by default "steps",
                        "quick", or "part" where something was left out`;

const given = optionsOf(HELP, {
  quick: flag,
  sizes: someOf(whole()),
  tasks: partsOf(tasks.map(({ name }) => name)),
  contestants: partsOf(contestants.map(({ name }) => name)),
  seconds: positive,
  name: fileName,
});
const { sizes = given.quick ? [1e3, 1e5, 4e6] : [1e3, 1e4, 1e5, 1e6, 4e6, 1e7] } = given;
const budget: Budget = {
  seconds: given.seconds ?? (given.quick ? 0.4 : 4),
  sampleMilliseconds: given.quick ? 1 : 4,
  warmMilliseconds: given.quick ? 10 : 60,
  leastRounds: given.quick ? 3 : 7,
};
const chosenTasks = tasks.filter(({ name }) => given.tasks?.includes(name) ?? true);
const chosen = contestants.filter(({ name }) => given.contestants?.includes(name) ?? true);

const isPart = given.tasks !== undefined || given.contestants !== undefined ||
  given.sizes !== undefined;

const bar = new SingleBar({
  format: "  {bar} {value}/{total} {doing}, {duration_formatted}",
  barCompleteChar: "█",
  barIncompleteChar: "░",
  noTTYOutput: true,
  notTTYSchedule: 10_000,
});
bar.start(chosenTasks.length * (sizes.length + 1) + Number(!isPart), 0, { doing: "" });
const cells: Cell[] = [];
const gaps: Gap[] = [];
let difference = 0;
for (const task of chosenTasks) {
  bar.update({ doing: `${task.name}: do all compute the same?` });
  difference = Math.max(difference, await check(task, chosen));
  bar.increment();
}
for (const size of sizes) {
  for (const task of chosenTasks) {
    bar.update({ doing: `${task.name}, ${size.toLocaleString("en")} parameters` });
    await measureCell(task, size);
    bar.increment();
  }
}
const ordinary = isPart ? [] : await measureEveryday();
bar.stop();

const name = given.name ?? (isPart ? "part" : given.quick ? "quick" : "steps");
const order = (task: string) => tasks.findIndex((each) => each.name === task);
cells.sort((a, b) => order(a.task) - order(b.task));
gaps.sort((a, b) => order(a.task) - order(b.task));
const names = chosen.map((each) => each.name);
const run: Run = {
  name,
  date: today(),
  machine: machine(),
  contestants: names,
  cells,
  gaps,
  everyday: ordinary,
};
console.log(`\n${table(run)}\n`);
if (difference > 0) {
  console.log(
    `After five steps, nobody's parameters are off by more than ${difference.toPrecision(1)}.\n`,
  );
}
const targets = showTargets(run);
if (targets !== "") console.log(`${targets}\n`);
if (ordinary.length > 0) console.log(`${showEveryday(ordinary)}\n`);
const written = [
  await writeResult(name, "json", JSON.stringify(run, null, 2) + "\n"),
  await writeResult(name, "svg", await renderChart(run)),
];
console.log(`Written: ${written.join(", ")}`);
// Some peers keep worker threads that would keep the process.
Deno.exit(0);

async function measureEveryday(): Promise<Cell[]> {
  bar.update({ doing: "the everyday path" });
  const cells = await everyday(budget.seconds);
  bar.increment();
  return cells;
}

async function measureCell(task: Task, size: number): Promise<void> {
  const opened: { contestant: Contestant; stepper: Stepper }[] = [];
  const where = (contestant: Contestant) => ({
    task: task.name,
    size,
    contestant: contestant.name,
  });
  for (const contestant of chosen.filter((each) => each.takes(task))) {
    if (size > (contestant.largest ?? Infinity)) {
      gaps.push({ ...where(contestant), reason: `too slow above ${contestant.largest}` });
      continue;
    }
    const stepper = await contestant.open(task, size);
    if (stepper instanceof Absent) gaps.push({ ...where(contestant), reason: stepper.reason });
    else opened.push({ contestant, stepper });
  }
  const timings = await measure(opened.map(({ stepper }) => stepper), budget);
  for (const [i, { contestant, stepper }] of opened.entries()) {
    const { chosen, tried } = stepper;
    cells.push({
      ...where(contestant),
      ...timings[i],
      bytes: task.bytes * size,
      ...(chosen === undefined ? {} : { chosen }),
      ...(tried === undefined ? {} : { tried }),
    });
    await stepper.close?.();
  }
}
