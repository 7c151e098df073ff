import { refuseLoosening } from "./apply_declaration.ts";
import type { PlannedChange, RegistryPlan } from "./plan/registry_plan.ts";

/**
 * Writes a plan as SQL, for those whose changes go through migrations.
 *
 * The statement is the one that {@linkcode applyDeclaration} sends: all of it holds afterwards or nothing has changed, and a row that is
 * to be changed and is not there fails it.
 *
 * **Does not** check the registry's version: a migration runs on other databases than the one it was planned for, and later. It sets
 * only the columns that differed.
 *
 * @param plan From {@linkcode planDeclaration}.
 * @param options.allowLoosening Whether it may loosen. Default: `false`.
 * @returns SQL; empty if there is nothing to change.
 * @throws {RegistryError} `loosening_refused`.
 */
export function planMigration(
  plan: RegistryPlan,
  options: { readonly allowLoosening?: boolean } = {},
): string {
  refuseLoosening(plan, options);
  if (plan.changes.length === 0) return "";
  const rows = plan.changes.flatMap(({ row }) => row === null ? [] : [visible(row)]);
  const statements = rows.length === 0
    ? []
    : [`select public.jwt_apply_plan(${literal(`[\n  ${rows.join(",\n  ")}\n]`)}, null);`];
  for (const { kind, action } of plan.changes) {
    if (kind === "guard") {
      statements.push(`select countersign.guard_${action === "change" ? "enable" : "disable"}();`);
    }
  }
  return [...plan.changes.flatMap(comments), ...statements, ""].join("\n");
}

/** What a reviewer looks for. Names go in as JSON: no line of a comment can end early. */
function comments({ action, kind, issuer, kid, name, loosens }: PlannedChange): string[] {
  const named = [name, issuer].flatMap((text) => text === null ? [] : [visible(text)]);
  const what = [kind, ...kid === null ? [] : [kid], ...named];
  return [
    `-- ${action} ${what.join(" ")}`,
    ...loosens.map((reason) => `--   loosens: ${visible(reason)}`),
  ];
}

/** JSON in which every character shows. */
function visible(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) =>
      Array.from(
        { length: character.length },
        (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
