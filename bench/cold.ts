/** How soon the first step is done: from program text, in a fresh process, and then a second time. */
import { SingleBar } from "cli-progress";
import { median } from "./measure.ts";
import { machine, today, writeResult } from "./record.ts";
import { showTime } from "./table.ts";

const PROCESSES = 15;
const BACKENDS = ["js", "wasm"];

/** What is timed, how it is called, and the most milliseconds that it may take. */
const TIMES = {
  load: ["loading the library", undefined],
  first: ["text to first step, cold", 5],
  whole: ["loading the library and first step", undefined],
  again: ["the same text again, another learning rate", undefined],
  second: ["second optimizer of the program", 0.2],
} as const;

type Times = Record<keyof typeof TIMES, number>;

const samples: Record<string, Times[]> = Object.fromEntries(BACKENDS.map((each) => [each, []]));
const bar = new SingleBar({
  format: "  {bar} {value}/{total} fresh processes",
  barCompleteChar: "█",
  barIncompleteChar: "░",
  noTTYOutput: true,
});
bar.start(PROCESSES * BACKENDS.length, 0);
for (let i = 0; i < PROCESSES; i++) {
  for (const backend of BACKENDS) {
    samples[backend].push(await inFreshProcess(backend));
    bar.increment();
  }
}
bar.stop();

console.log(`\nAdamW, 1,000 parameters, medians of ${PROCESSES} processes\n`);
for (const backend of BACKENDS) {
  for (const [time, [text, most]] of Object.entries(TIMES)) {
    const found = median(samples[backend].map((times) => times[time as keyof Times]));
    const verdict = found <= (most ?? Infinity) ? "met" : "MISSED";
    const target = most === undefined ? "" : ` (at most ${most} ms): ${verdict}`;
    console.log(`  ${`${backend}: ${text}`.padEnd(54)}${showTime(found)}${target}`);
  }
}
const result = { name: "cold", date: today(), machine: machine(), samples };
const written = await writeResult("cold", "json", JSON.stringify(result, null, 2) + "\n");
console.log(`\nWritten: ${written}`);

async function inFreshProcess(backend: string): Promise<Times> {
  const program = new URL("cold_start.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", program, backend],
  });
  const { code, stdout, stderr } = await command.output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const times = JSON.parse(new TextDecoder().decode(stdout));
  return { ...times, whole: times.load + times.first };
}
