/** Runs the tests of the group "cli", which `together.ts` describes. */
import { together } from "../together.ts";

await together("cli");
