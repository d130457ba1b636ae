/** Runs the tests of the group "programs", which `together.ts` describes. */
import { together } from "../together.ts";

await together("programs");
