import type { PlannedChange, PlannedValue, RegistryPlan } from "@countersign/registry-admin";

const SIGNS = { add: "+", change: "~", deactivate: "-" } as const;

/**
 * A plan as people read it: by issuer, `+` added, `~` changed, `-` deactivated or revoked, `!` why a change loosens.
 *
 * The sign is the first character of a line, so that GitHub colors it in a block of type `diff`.
 */
export function planLines(plan: RegistryPlan): string[] {
  const groups = new Map<string, string[]>();
  for (const change of plan.changes) {
    const heading = headingOf(change);
    const lines = groups.get(heading) ?? [heading];
    lines.push(...changeLines(change));
    groups.set(heading, lines);
  }
  const lines = Array.from(groups.values()).flatMap((group) => [...group, ""]);
  return [...lines, ...undeclaredLines(plan), summary(plan), `Registry version: ${plan.version}`];
}

function headingOf({ kind, issuer, name }: PlannedChange): string {
  if (kind === "guard") return "The guard";
  return issuer === null ? `Provider "${name}"` : `Issuer "${issuer}"`;
}

function changeLines({ action, kind, kid, name, fields, loosens }: PlannedChange): string[] {
  const sign = SIGNS[action];
  const what = kind === "rule" ? `rule "${name}"` : kid === null ? kind : `${kind} ${kid}`;
  return [
    `${sign} ${what}`,
    ...fields.map(({ column, before, after }) =>
      action === "add"
        ? `${sign}   ${column}: ${shown(after)}`
        : `${sign}   ${column}: ${shown(before)} -> ${shown(after)}`
    ),
    ...loosens.map((reason) => `!   ${reason}`),
  ];
}

/** Long lists are shown whole: what is left out is what somebody hides there. */
function shown(value: PlannedValue): string {
  return value === null ? "(left out)" : JSON.stringify(value);
}

function undeclaredLines({ undeclared }: RegistryPlan): string[] {
  if (undeclared.length === 0) return [];
  return [
    "Active, not in the file, and left alone (--prune deactivates):",
    ...undeclared.map(({ kind, issuer, kid, name }) => {
      if (kind === "provider") return `  provider "${name}"`;
      if (kind === "rule") return `  rule "${name}" of issuer "${issuer}"`;
      return kid === null ? `  issuer "${issuer}"` : `  key ${kid} of issuer "${issuer}"`;
    }),
    "",
  ];
}

function summary({ changes }: RegistryPlan): string {
  if (changes.length === 0) return "Nothing to change.";
  const count = (wanted: PlannedChange["action"]) =>
    changes.filter(({ action }) => action === wanted).length;
  const loosening = changes.filter(({ loosens }) => loosens.length > 0).length;
  return [
    `To add: ${count("add")}, to change: ${count("change")}, to deactivate: ${
      count("deactivate")
    }.`,
    ...loosening === 0 ? [] : [`Loosens the registry: ${loosening} (!).`],
  ].join(" ");
}

/** A plan for programs. The rows that are written stay out of it: the fields say the same. */
export function planJson({ version, changes, undeclared }: RegistryPlan): unknown {
  return {
    version,
    changes: changes.map(({ row: _, ...change }) => change),
    undeclared,
  };
}
