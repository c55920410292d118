import type { ForwardReference, Type } from '@nestjs/common';
import type { ModuleRef, ModulesContainer } from '@nestjs/core';

import { copiesRemedy } from './session/package-copies.js';
import { SessionError } from './session/errors.js';

/** A property of `SessionModule`. The symbol is global, so `SessionModule`s of other copies of this package have it too. */
export const SESSION_MODULE = Symbol.for('nestjs-session-manager.module.1');

/** An element of the `imports` of a module. */
type Import = Type | { readonly module: Type } | ForwardReference | undefined;

/**
 * The part of Nest's container that is used. It is not in the public type of `ModuleRef`. Without it, the `imports` of
 * dynamic modules are not found, so the error names fewer modules.
 */
interface WithContainer {
  readonly container?: {
    getDynamicMetadataByToken?(token: string, key: 'imports'): (Import | Promise<Import>)[];
  };
}

/** A `SessionModule` of the application. `isBare`: imported without options. `by`: the names of the modules that import it. */
interface Imported {
  readonly source: unknown;
  readonly isBare: boolean;
  readonly by: string[];
}

/**
 * Refuses several `SessionModule`s in one application, and one without options beside another one. Otherwise the
 * order of imports would decide which options are used.
 *
 * @throws SessionError `SESSION_MODULE_TWICE` or `SESSION_MODULE_BARE`, which name the modules that import them
 */
export async function requireOneSessionModule(
  modules: ModulesContainer,
  moduleRef: ModuleRef,
): Promise<void> {
  const classes = [...modules.values()].map(({ metatype }) => metatype).filter(isSessionModule);
  if (classes.length <= 1) return;
  const imported = await importedBy(modules, moduleRef);
  if (imported.some(({ isBare }) => isBare)) throw bareImport(imported);
  throw new Set(classes).size > 1 ? fromTwoCopies(imported) : twice(imported);
}

/** Called for a `SessionModule` without options. Rejects with `SESSION_MODULE_BARE`. */
export async function refuseBareImport(
  modules: ModulesContainer,
  moduleRef: ModuleRef,
): Promise<never> {
  throw bareImport(await importedBy(modules, moduleRef));
}

function isSessionModule(metatype: unknown): boolean {
  return typeof metatype === 'function' && SESSION_MODULE in metatype;
}

/** Reads the `imports` of all modules, because Nest's own lists contain a global module in every module. */
async function importedBy(modules: ModulesContainer, moduleRef: ModuleRef): Promise<Imported[]> {
  const { container } = moduleRef as unknown as WithContainer;
  const found = new Map<unknown, Imported>();
  for (const [token, { metatype }] of modules) {
    const declared = (Reflect.getMetadata('imports', metatype) ?? []) as (
      Import | Promise<Import>
    )[];
    const dynamic = container?.getDynamicMetadataByToken?.(token, 'imports') ?? [];
    for (const entry of [...declared, ...dynamic]) {
      const source = unwrapped(await entry);
      const isBare = typeof source === 'function';
      if (!isSessionModule(isBare ? source : source?.module)) continue;
      const imported = found.get(source) ?? { source, isBare, by: [] };
      found.set(source, imported);
      if (!imported.by.includes(metatype.name)) imported.by.push(metatype.name);
    }
  }
  return [...found.values()];
}

function unwrapped(entry: Import): Type | { readonly module: Type } | undefined {
  if (!entry || !('forwardRef' in entry)) return entry;
  return (entry as ForwardReference<() => Type>).forwardRef();
}

function bareImport(imported: readonly Imported[]): SessionError {
  const bare = imported.find((one) => one.isBare);
  const configured = imported.find((one) => !one.isBare);
  const remedy = configured
    ? `${namesOf(configured)} imports SessionModule.forRoot() already: take the other import out, as ` +
      'that one is global; with isGlobal: false, import it with the same options.'
    : 'Import SessionModule.forRoot() or SessionModule.forRootAsync() instead, once, in your AppModule.';
  return new SessionError(
    'SESSION_MODULE_BARE',
    `${namesOf(bare)} imports SessionModule without forRoot(), and so without options. ${remedy}`,
  );
}

function twice(imported: readonly Imported[]): SessionError {
  return new SessionError(
    'SESSION_MODULE_TWICE',
    `An application has one SessionModule, but this one imports several, with different options: ` +
      `${listed(imported)}. Import it once, in your AppModule: it is global. Or give the same options ` +
      'everywhere; with forRootAsync() that is the same function or class, as what it returns is not ' +
      'known yet.',
  );
}

function fromTwoCopies(imported: readonly Imported[]): SessionError {
  return new SessionError(
    'SESSION_MODULE_TWICE',
    `An application has one SessionModule, but this one imports several, from different copies of this ` +
      `package: ${listed(imported)}. ${copiesRemedy()}`,
  );
}

function listed(imported: readonly Imported[]): string {
  const names = imported.map((one) => namesOf(one));
  return `one in ${names.join(', another in ')}`;
}

function namesOf(imported: Imported | undefined): string {
  return imported?.by.join(' and ') ?? 'A module';
}
