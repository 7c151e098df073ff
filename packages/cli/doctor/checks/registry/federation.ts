import type {
  IssuerSummary,
  RegisteredProvider,
  RegisteredRule,
} from "@countersign/registry-admin";
import {
  type Check,
  type Finding,
  listed,
  notChecked,
  ok,
  problem,
  warning,
} from "../../finding.ts";
import { shellWord } from "../../quoting.ts";
import type { Target } from "../../target.ts";

/** Whether the rules by which a provider's tokens act as an issuer can match, and let something through. */
export const federationCheck: Check = {
  name: "federation",
  async run(target) {
    const [federation, issuers] = [await target.federation(), await target.issuers()];
    if ("why" in federation) return notChecked(federation.why);
    if ("why" in issuers) return notChecked(issuers.why);
    const { providers, rules } = federation;
    const findings = [
      ...rules.filter(({ isActive }) => isActive)
        .flatMap((rule) => ofRule(rule, providers, issuers)),
      ...withoutRule(providers, rules),
      ...(await Promise.all(
        providers.filter(({ isActive }) => isActive).map((provider) =>
          ofProvider(provider, target)
        ),
      )).flat(),
    ];
    if (findings.length > 0) return findings;
    return ok(
      providers.length === 0
        ? "no OIDC provider is registered"
        : `OIDC providers: ${listed(providers.map(({ issuer }) => issuer))}`,
    );
  },
};

function ofRule(
  { name, provider, issuer, role, mode }: RegisteredRule,
  providers: readonly RegisteredProvider[],
  issuers: readonly IssuerSummary[],
): readonly Finding[] {
  if (providers.find((found) => found.issuer === provider)?.isActive === false) {
    return warning(
      "rule_provider_off",
      `rule ${name} is active, and its provider ${provider} is not: it lets nothing in`,
      `countersign provider activate --issuer ${
        shellWord(provider)
      }, or countersign rule deactivate --name ${name}`,
    );
  }
  const acting = issuers.find((found) => found.issuer === issuer);
  if (acting?.isActive === false) {
    return warning(
      "rule_issuer_off",
      `rule ${name} is active, and its issuer ${issuer} is not: it lets nothing in`,
      `countersign activate --issuer ${
        shellWord(issuer)
      }, or countersign rule deactivate --name ${name}`,
    );
  }
  if (role !== null && acting !== undefined && !acting.policy.roles.includes(role)) {
    return problem(
      "rule_role_missing",
      `rule ${name} acts in the role ${role}, which is not among those of ${issuer}: its tokens are rejected`,
      `countersign policy set --issuer ${shellWord(issuer)} --role ${role}, with its other roles`,
    );
  }
  return mode === "observe"
    ? warning(
      "rule_observed",
      `rule ${name} is in observe mode: it is reported, and lets nothing in`,
      "add it in enforce mode, once the log shows that it matches what it should",
    )
    : [];
}

function withoutRule(
  providers: readonly RegisteredProvider[],
  rules: readonly RegisteredRule[],
): readonly Finding[] {
  return providers.filter(({ issuer, isActive }) =>
    isActive && !rules.some((rule) => rule.isActive && rule.provider === issuer)
  ).flatMap(({ issuer }) =>
    warning(
      "provider_without_rule",
      `${issuer} is active, and no rule is: its tokens are rejected`,
      "countersign rule add",
    )
  );
}

/** The provider's keys, as far as this machine can tell: the function may be in another network. */
async function ofProvider(
  { issuer, keysFrom, jwksUri }: RegisteredProvider,
  { ask }: Target,
): Promise<readonly Finding[]> {
  const at = keysFrom === "discovery" ? `${issuer}/.well-known/openid-configuration` : jwksUri;
  if (keysFrom === "jwks" || at === null) return [];
  const { status, failure, body } = await ask(at);
  if (status !== 200) {
    return warning(
      "provider_unreachable",
      `${at} does not answer this machine (${failure ?? `status ${status}`})`,
      "check the provider's URL, and that the function can reach it",
    );
  }
  return keysFrom === "discovery" && body.issuer !== issuer
    ? problem(
      "provider_other_issuer",
      `${at} is the configuration of another issuer`,
      "register the provider under exactly the issuer that its configuration names",
    )
    : [];
}
