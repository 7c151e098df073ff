/** The release of this package. `scripts/set_version.ts` writes it. */
export const VERSION = "0.1.0";
