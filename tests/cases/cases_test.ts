/** Every backend runs every case: it comes to what the interpreter does, or refuses for the reason it is known to. */
import { GradusError } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { type Backend, backends, interpreter, type Made } from "./backends.ts";
import { type Case, factsOf } from "./case.ts";
import { differences } from "./compare.ts";
import { groups } from "./list.ts";

const references = new Map<Case, Promise<{ step: Made; update: Made }>>();

function referenceOf(of: Case) {
  let known = references.get(of);
  if (known === undefined) {
    known = (async () => ({
      step: await interpreter.step(of),
      update: await interpreter.update(of),
    }))();
    references.set(of, known);
  }
  return known;
}

/** What is wrong with how a backend runs a case; empty where nothing is. */
async function fault(backend: Backend, of: Case): Promise<string> {
  const facts = factsOf(of);
  const refusals = backend.refuses.filter((refusal) => refusal.of(facts));
  let runs: (readonly [made: Made, expected: Made])[];
  try {
    const step = await backend.step(of);
    const reference = await referenceOf(of);
    runs = [[step, reference.step]];
    if (backend.update !== undefined) runs.push([await backend.update(of), reference.update]);
  } catch (error) {
    if (!(error instanceof GradusError)) return `it failed: ${error}`;
    if (refusals.some(({ reason }) => reason.test(error.message))) return "";
    return `it was refused: ${error.message}`;
  }
  if (refusals.length > 0) return `it was not refused: ${refusals.map(({ reason }) => reason)}`;
  const tolerance = backend.tolerance(facts);
  const found = runs.flatMap(([made, expected]) => {
    if ([...made.keys()].join() !== [...expected.keys()].join()) return [`it made ${[...made.keys()]}`];
    for (const [what, tree] of expected) {
      const [first] = differences(made.get(what), tree, tolerance);
      if (first !== undefined) return [`${what}: ${differences(made.get(what), tree, tolerance).join("; ")}`];
    }
    return [];
  });
  const known = of.differs?.[backend.name];
  if (known === undefined) return found.join("; ");
  return found.length > 0 ? "" : `it no longer differs as it was known to: ${known}`;
}

for (const backend of backends) {
  for (const [group, cases] of Object.entries(groups)) {
    Deno.test(`${backend.name}: ${group}`, async () => {
      const faults: string[] = [];
      for (const of of cases) {
        const said = await fault(backend, of);
        if (said !== "") faults.push(`${of.name}: ${said}`);
      }
      assertEquals(faults, [], faults.join("\n"));
    });
  }
}
