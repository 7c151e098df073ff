import {
  activateProvider,
  addProvider,
  deactivateProvider,
  listProviders,
  type ProviderRegistration,
  restoreProviderKey,
  revokeProviderKey,
} from "@countersign/registry-admin";
import { type Algorithm, ALGORITHMS } from "@countersign/verifier";
import { type Command, Option } from "commander";
import { usage } from "../errors.ts";
import type { CliIo } from "../io.ts";
import { jsonObject, readInput } from "../options/input.ts";
import { table } from "../options/output.ts";
import { registryCommand } from "../options/registry_command.ts";
import { hostOf } from "../options/registry_target.ts";
import { withoutUndefined } from "../options/without_undefined.ts";
import { presetNamed, providerOf } from "./preset_rule.ts";
import { PRESETS } from "./presets.ts";

interface Named {
  readonly issuer: string;
}

interface AddOptions {
  readonly preset?: string;
  readonly issuer?: string;
  readonly jwksUri?: string;
  readonly jwks?: string;
  readonly algorithm?: readonly Algorithm[];
  readonly allowPrivate?: boolean;
  readonly description?: string;
}

const TARGET = "--target https://prod-abc123.supabase.co";

/** `countersign provider add|list|deactivate|activate|revoke-key|restore-key`. */
export function addProviderCommands(program: Command, io: CliIo): void {
  const provider = program.command("provider")
    .description("OIDC providers, whose tokens rules accept without a key of yours");

  registryCommand<AddOptions>(provider, io, {
    name: "add",
    description: "Add an OIDC provider",
    changes: true,
    options: (command) =>
      command
        .addOption(
          new Option("--preset <name>", "a provider that is known")
            .choices(PRESETS.map(({ name }) => name)),
        )
        .option("--issuer <url>", "the exact iss of its tokens, an https URL")
        .option("--jwks-uri <url>", "where its keys are (default: discovery)")
        .option("--jwks <file>", 'its JSON Web Key Set, "-" for standard input: nothing is fetched')
        .addOption(
          new Option("--algorithm <alg>", "an algorithm of its tokens (repeatable; default: RS256)")
            .argParser(algorithms),
        )
        .option("--allow-private", "its keys may be at a private or loopback address")
        .option("--description <text>", "a note for people"),
    json: "the provider",
    notes: "A provider lets no one in without a rule; see countersign rule add --help.",
    example: `countersign provider add ${TARGET} --preset github`,
    run: async (options, open) => {
      const registration = await registrationOf(options, io);
      const target = await open();
      const added = await addProvider(target, registration);
      return {
        json: added,
        lines: [
          `added ${added.issuer} to ${hostOf(target)}: it lets no one in until a rule names it`,
        ],
      };
    },
  });

  registryCommand(provider, io, {
    name: "list",
    description: "List the OIDC providers",
    json: "every provider",
    example: `countersign provider list ${TARGET}`,
    run: async (_, open) => {
      const target = await open();
      const providers = await listProviders(target);
      return {
        json: providers,
        lines: providers.length === 0
          ? [`no providers on ${hostOf(target)} yet; see countersign provider add --help`]
          : table(
            ["PROVIDER", "STATE", "KEYS", "ALGORITHMS", "REVOKED KEYS"],
            providers.map((row) => [
              row.issuer,
              row.isActive ? "active" : "deactivated",
              row.jwksUri ?? (row.keysFrom === "jwks" ? "in the registry" : "discovery"),
              row.algorithms.join(", "),
              String(row.revokedKids.length),
            ]),
          ),
      };
    },
  });

  for (const [name, isActive] of [["deactivate", false], ["activate", true]] as const) {
    registryCommand<Named>(provider, io, {
      name,
      description: isActive
        ? "Accept the tokens of a provider again, by the rules that it had"
        : "Reject every token of a provider from now on, whatever its rules",
      changes: true,
      options: issuerOption,
      json: "what was done",
      example: `countersign provider ${name} ${TARGET} \\
      --issuer https://gitlab.com`,
      run: async ({ issuer }, open) => {
        const target = await open();
        await (isActive ? activateProvider : deactivateProvider)(target, issuer);
        return {
          json: { issuer, isActive },
          lines: [
            `${name}d ${issuer} on ${hostOf(target)}: ${
              isActive ? "its rules apply again" : "every token of it is rejected"
            }`,
          ],
        };
      },
    });
  }

  for (const [name, isRevoked] of [["revoke-key", true], ["restore-key", false]] as const) {
    registryCommand<Named & { readonly kid: string }>(provider, io, {
      name,
      description: isRevoked
        ? "Reject what one key of a provider signed, whatever the provider says of it"
        : "Accept a revoked key of a provider again",
      changes: true,
      options: (command) =>
        issuerOption(command).requiredOption(
          "--kid <thumbprint>",
          "the key's RFC 7638 thumbprint, as in the log; not the kid of its JWKS",
        ),
      json: "what was done",
      example: `countersign provider ${name} ${TARGET} \\
      --issuer https://gitlab.com --kid NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs`,
      run: async ({ issuer, kid }, open) => {
        const target = await open();
        await (isRevoked ? revokeProviderKey : restoreProviderKey)(target, {
          provider: issuer,
          kid,
        });
        return {
          json: { issuer, kid, isRevoked },
          lines: [
            `${isRevoked ? "revoked" : "restored"} key ${kid} of ${issuer} on ${hostOf(target)}`,
          ],
        };
      },
    });
  }
}

function issuerOption(command: Command): Command {
  return command.requiredOption("--issuer <url>", "the provider's iss");
}

function algorithms(value: string, before?: readonly Algorithm[]): readonly Algorithm[] {
  const known = ALGORITHMS.find((name) => name === value);
  if (known === undefined) usage(`Expected --algorithm to be one of ${ALGORITHMS.join(", ")}`);
  return [...before ?? [], known];
}

async function registrationOf(options: AddOptions, io: CliIo): Promise<ProviderRegistration> {
  const { preset, issuer, jwksUri, jwks, algorithm, allowPrivate, description } = options;
  if (jwksUri !== undefined && jwks !== undefined) {
    usage("Expected --jwks-uri or --jwks, found both");
  }
  const name = preset === undefined
    ? issuer ?? usage("Expected --issuer <url> or --preset <name>")
    : issuer ?? providerOf(presetNamed(preset));
  return {
    issuer: name,
    ...(jwksUri !== undefined && { keysFrom: "jwks_uri" as const, jwksUri }),
    ...(jwks !== undefined && {
      keysFrom: "jwks" as const,
      jwks: jsonObject("--jwks", await readInput(jwks, "a key set", io)),
    }),
    ...withoutUndefined({ algorithms: algorithm, allowPrivate, description }),
  };
}
