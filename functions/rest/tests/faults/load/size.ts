/** `COUNTERSIGN_FAULTS=full` asks for the sizes that the design names; smaller ones run with every other test. */
const IS_FULL = Deno.env.get("COUNTERSIGN_FAULTS") === "full";

export const CONNECTIONS = IS_FULL ? 2_000 : 400;
/** Of a body, in MB. */
export const BODY = IS_FULL ? 1_024 : 256;
