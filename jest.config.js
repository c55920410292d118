const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  // TypeScript's sources name each other `.js`; packages really have such a file, so it goes first.
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'],
    // Mercurius's page of tools requires it as an ES module, which Jest cannot do before Node 24.9.
    '^content-disposition$': '<rootDir>/node_modules/content-disposition',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: {
            legacyDecorator: true,
            decoratorMetadata: true,
            useDefineForClassFields: true,
            verbatimModuleSyntax: true,
          },
        },
      },
    ],
  },
};

/** @type {import('jest').Config} */
export default {
  testTimeout: 60_000,
  // Modules of ended test files stay in a process's memory: a worker that has grown is replaced.
  workerIdleMemoryLimit: '1GB',
  // `npm run coverage`
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'lcovonly'],
  projects: [
    {
      ...common,
      displayName: 'unit',
      collectCoverageFrom: ['<rootDir>/src/**/*.ts'],
      testMatch: ['<rootDir>/test/**/*.spec.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(e2e|package)/'],
    },
    { ...common, displayName: 'e2e', testMatch: ['<rootDir>/test/{e2e,edge}/**/*.e2e-spec.ts'] },
    {
      ...common,
      displayName: 'security',
      testMatch: ['<rootDir>/test/security/**/*.security-spec.ts'],
    },
    { ...common, displayName: 'fuzz', testMatch: ['<rootDir>/test/fuzz/**/*.fuzz-spec.ts'] },
    {
      ...common,
      displayName: 'simulation',
      testMatch: ['<rootDir>/test/simulation/**/*.simulation-spec.ts'],
      // Nothing waits here for real time.
      moduleNameMapper: {
        ...common.moduleNameMapper,
        '^node:timers/promises$': '<rootDir>/test/simulation/simulated-delay.ts',
        '/bounded-calls\\.js$': '<rootDir>/test/simulation/simulated-calls.ts',
      },
    },
    // These use the built package by its name: build first.
    { ...common, displayName: 'races', testMatch: ['<rootDir>/test/races/**/*.races-spec.ts'] },
    { ...common, displayName: 'faults', testMatch: ['<rootDir>/test/faults/**/*.faults-spec.ts'] },
    {
      ...common,
      displayName: 'package',
      testMatch: ['<rootDir>/test/package/**/*.package-spec.ts'],
    },
    // The built sample, in Debian's Chromium.
    {
      ...common,
      displayName: 'browser',
      testMatch: ['<rootDir>/test/browser/**/*.browser-spec.ts'],
    },
    { ...common, displayName: 'sample', testMatch: ['<rootDir>/sample-app/test/**/*.e2e-spec.ts'] },
  ],
};
