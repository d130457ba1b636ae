/**
 * Every backend runs every case: it comes to what the interpreter does, as near as it says, or refuses
 * for a reason that it is known to have.
 */
import { GradusError } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { gpuTest } from "../webgpu/gpu.ts";
import { type Backend, backends, interpreter } from "./backends.ts";
import { type Case, factsOf } from "./case.ts";
import { differences } from "./compare.ts";
import { groups } from "./list.ts";
import { opsLeftOut } from "./programs.ts";
import type { Made } from "./run.ts";

interface Reference {
  readonly step: Made;
  readonly update: Made;
}

const references = new Map<Case, Promise<Reference>>();

/** What the interpreter makes of a case, once for all. */
function referenceOf(of: Case): Promise<Reference> {
  const made = references.get(of) ??
    interpreter.step(of).then((step) => ({ step, update: interpreter.update(of) }));
  references.set(of, made);
  return made;
}

/** What is wrong with how a backend runs a case; empty where nothing is. */
async function faultOf(backend: Backend, of: Case): Promise<string> {
  const facts = factsOf(of);
  const reasons = backend.refuses.filter((refusal) => refusal.of(facts)).map(({ reason }) =>
    reason
  );
  const runs: [made: Made, expected: Made][] = [];
  const reference = await referenceOf(of);
  try {
    runs.push([await backend.step(of), reference.step]);
    if (backend.update !== undefined) runs.push([backend.update(of), reference.update]);
  } catch (error) {
    if (!(error instanceof GradusError)) return `it failed: ${(error as Error).stack ?? error}`;
    const isKnown = reasons.some((reason) => reason.test(error.message));
    return isKnown ? "" : `it was refused: ${error.message}`;
  }
  if (reasons.length > 0) return `it was no longer refused with ${reasons.join(" or ")}`;
  const isOpen = of.open?.[backend.name] !== undefined;
  const found = runs.flatMap(([made, expected]) =>
    firstDifference(made, expected, { ...backend.tolerance(facts), isOpen })
  );
  const known = of.differs?.[backend.name];
  if (known === undefined) return found.join("; ");
  return found.length > 0 ? "" : `it no longer differs, which it was known to: ${known}`;
}

function firstDifference(
  made: Made,
  expected: Made,
  tolerance: Parameters<typeof differences>[2],
): string[] {
  for (const [what, tree] of made) {
    assert(expected.has(what), what);
    const found = differences(tree, expected.get(what), tolerance);
    if (found.length > 0) return [`${what}: ${found.join("; ")}`];
  }
  return [];
}

/** What a backend runs of a group: on a GPU, which compiles for long, each program of the library once. */
function casesFor({ needsGpu }: Backend, group: string, cases: readonly Case[]): readonly Case[] {
  if (!needsGpu || !group.startsWith("the library")) return cases;
  const first = new Map(cases.toReversed().map((each) => [each.opt.program, each]));
  return cases.filter((each) => first.get(each.opt.program) === each);
}

for (const backend of backends) {
  const test = backend.needsGpu ? gpuTest : Deno.test;
  for (const [group, cases] of Object.entries(groups)) {
    test(`${backend.name} runs the cases of ${group} as they are interpreted`, async () => {
      const faults: string[] = [];
      for (const of of casesFor(backend, group, cases)) {
        const fault = await faultOf(backend, of);
        if (fault !== "") faults.push(`${of.name}: ${fault}`);
      }
      assert(faults.length === 0, faults.join("\n"));
    });
  }
}

Deno.test("every refusal that a backend is known for is one of some case", () => {
  const facts = Object.values(groups).flat().map(factsOf);
  for (const { name, refuses } of backends) {
    for (const refusal of refuses) assert(facts.some(refusal.of), `${name}: ${refusal.reason}`);
  }
});

Deno.test("cases have names of their own, and mention backends that there are", () => {
  const names = backends.map(({ name }) => name);
  for (const [group, cases] of Object.entries(groups)) {
    assertEquals(new Set(cases.map(({ name }) => name)).size, cases.length, group);
    for (const { open, differs } of cases) {
      for (const name of Object.keys({ ...open, ...differs })) assert(names.includes(name), name);
    }
  }
});

Deno.test("every element-wise op is in a case", () => assertEquals(opsLeftOut, []));
