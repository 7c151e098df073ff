import { issuersSection } from "./issuers_section.ts";
import { keysSection } from "./keys_section.ts";
import { providersSection } from "./providers_section.ts";
import { rulesSection } from "./rules_section.ts";
import type { RegistryEntry, Section, SectionName } from "./section.ts";

/** Every section, in the order in which their rows can be made. */
export const SECTIONS: readonly Section[] = [
  issuersSection,
  keysSection,
  providersSection,
  rulesSection,
];

/** The entries of each section, by key. */
export type RegistryEntries<E extends RegistryEntry = RegistryEntry> = Readonly<
  Record<SectionName, ReadonlyMap<string, E>>
>;

/** The sections whose entries stand inside those of another one, or at the top. */
export function sectionsWithin(outer: SectionName | undefined): readonly Section[] {
  return SECTIONS.filter(({ within }) => within === outer);
}
