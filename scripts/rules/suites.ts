/**
 * Files without a test beside them, and what judges them instead: tests, or folders of tests. A name that ends in `/` is
 * every such file of a folder.
 */
export const SUITES: Readonly<Record<string, readonly string[]>> = {
  // Started as a whole, on every host.
  "functions/rest/index.ts": ["functions/rest/tests/start_test.ts"],

  "packages/cli/commands/": [
    "packages/cli/registry_commands_test.ts",
    "packages/cli/run_test.ts",
    "packages/cli/process_test.ts",
  ],
  "packages/cli/completion/": ["packages/cli/completion/completion_test.ts"],
  "packages/cli/declared/": ["packages/cli/declared/declared_commands_test.ts"],
  "packages/cli/doctor/": [
    "packages/cli/doctor/outside_test.ts",
    "packages/cli/doctor/inside_test.ts",
    "packages/cli/doctor/broken",
  ],
  "packages/cli/explain/": [
    "packages/cli/explain/explain_token_test.ts",
    "packages/cli/commands/explain_test.ts",
  ],
  "packages/cli/federation/": [
    "packages/cli/federation/federation_commands_test.ts",
    "packages/cli/federation/presets_test.ts",
  ],
  "packages/cli/options/": [
    "packages/cli/run_test.ts",
    "packages/cli/registry_commands_test.ts",
  ],
  "packages/cli/output/": ["packages/cli/run_test.ts"],
  "packages/cli/project/": ["packages/cli/commands/init_test.ts"],
  "packages/cli/serve/": ["packages/cli/serve/serve_test.ts"],
  "packages/cli/errors.ts": ["packages/cli/run_test.ts"],
  "packages/cli/io.ts": ["packages/cli/process_test.ts"],
  "packages/cli/main.ts": ["packages/cli/process_test.ts"],
  "packages/cli/program.ts": ["packages/cli/run_test.ts"],

  // Parts of one machine: what each does, a started target shows.
  "packages/local-target/": ["packages/local-target/start_local_target_test.ts"],

  "packages/postgres/database_identity.ts": ["packages/registry-admin/declared"],

  // The same operations and the same errors over REST and over SQL, on a real registry.
  "packages/registry-admin/": [
    "packages/registry-admin/contract_test.ts",
    "packages/registry-admin/failures_test.ts",
  ],
  "packages/registry-admin/access/": ["packages/cli/doctor/broken/tables_test.ts"],
  "packages/registry-admin/database/": [
    "packages/registry-admin/database/database_checks_test.ts",
    "supabase/tests",
  ],
  "packages/registry-admin/declared/": [
    "packages/registry-admin/declared/declared_contract_test.ts",
    "packages/registry-admin/declared/declared_property_test.ts",
  ],
  "packages/registry-admin/issuers/": ["packages/registry-admin/issuers/policy_contract_test.ts"],

  "packages/signer/errors.ts": ["packages/signer/sign_test.ts"],

  "packages/swap-proxy/downstream/base64url.ts": [
    "packages/swap-proxy/downstream/compact_jws_test.ts",
  ],
  "packages/swap-proxy/downstream/sealed_claims.ts": [
    "packages/swap-proxy/downstream/downstream_token_test.ts",
    "packages/swap-proxy/exchange/exchange_test.ts",
  ],
  "packages/swap-proxy/exchange/": [
    "packages/swap-proxy/exchange/exchange_test.ts",
    "packages/swap-proxy/exchange/hostile_test.ts",
    "functions/rest/tests/exchange",
  ],
  "packages/swap-proxy/errors.ts": ["packages/swap-proxy/options/proxy_options_from_env_test.ts"],
  "packages/swap-proxy/events/refused_event.ts": [
    "packages/swap-proxy/create_jwt_swap_proxy_refusals_test.ts",
    "functions/rest/tests/codes_test.ts",
  ],
  "packages/swap-proxy/events/telemetry.ts": [
    "packages/swap-proxy/events/swap_observer_test.ts",
    "packages/swap-proxy/events/telemetry_process_test.ts",
  ],
  "packages/swap-proxy/gateway/hand_over.ts": ["packages/swap-proxy/gateway/allow_test.ts"],
  "packages/swap-proxy/health/": [
    "packages/swap-proxy/health/health_test.ts",
    "packages/swap-proxy/health/health_postgrest_test.ts",
    "packages/swap-proxy/health/role_claim_gate_test.ts",
  ],
  "packages/swap-proxy/options/": [
    "packages/swap-proxy/options/environment_test.ts",
    "packages/swap-proxy/options/proxy_options_from_env_test.ts",
    "packages/swap-proxy/options/spellings_test.ts",
  ],
  "packages/swap-proxy/refusal/refusal_reason.ts": [
    "packages/swap-proxy/refusal/refusal_response_test.ts",
  ],
  "packages/swap-proxy/version.ts": ["scripts/rules/versions.ts"],

  "packages/verifier/federation/": [
    "packages/verifier/federation/federated_token_test.ts",
    "packages/verifier/federation/rule_choice_test.ts",
  ],
  "packages/verifier/key_source/": ["packages/verifier/key_source/rest_key_source_test.ts"],
  "packages/verifier/key/jwk.ts": ["packages/verifier/provider_keys/key_set_test.ts"],
  "packages/verifier/provider_keys/": [
    "packages/verifier/provider_keys/remote_provider_keys_test.ts",
  ],
  "packages/verifier/claims/describe.ts": ["packages/verifier/claims/explanations_test.ts"],
};
