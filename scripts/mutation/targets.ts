/** What is mutated, by which tests it is judged, and how many mutants have to die. */
export interface MutationTarget {
  readonly name: string;
  /** Percent of the mutants that are not known to be equivalent. */
  readonly least: number;
  readonly isMutated: (file: string) => boolean;
  readonly isTest: (file: string) => boolean;
}

const isSource = (file: string): boolean =>
  file.endsWith(".ts") && !/_(?:test|bench)\.ts$|\/fixtures\/|\/mod\.ts$|\/testing\.ts$/.test(file);

/** Tests that start a target, a process or another runtime judge these files too, and take too long to do it so often. */
const ELSEWHERE =
  /contract_test|process_test|workers_test|postgrest_test|seal_key_test|nginx|canonical_json_test|forward_http_test/;

/** The rooms of the proxy that a request passes through. */
const REQUEST_PATH =
  /^packages\/swap-proxy\/(?:create_jwt_swap_proxy\.ts|(?:request|refusal|upstream|downstream|events|exchange|gateway|options|registry)\/)/;

export const TARGETS: readonly MutationTarget[] = [
  {
    name: "verifier",
    least: 95,
    isMutated: (file) => file.startsWith("packages/verifier/") && isSource(file),
    isTest: (file) => /^packages\/verifier\/.*_test\.ts$/.test(file) && !ELSEWHERE.test(file),
  },
  {
    name: "swap-proxy",
    least: 90,
    // Telemetry is judged by a process of its own.
    isMutated: (file) =>
      REQUEST_PATH.test(file) && isSource(file) && !file.endsWith("/telemetry.ts"),
    isTest: (file) => /^packages\/swap-proxy\/.*_test\.ts$/.test(file) && !ELSEWHERE.test(file),
  },
];
