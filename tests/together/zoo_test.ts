/** Runs the tests of the group "zoo", which `together.ts` describes. */
import { together } from "../together.ts";

await together("zoo");
