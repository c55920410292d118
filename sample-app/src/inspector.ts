/** The path of the inspector, which is for development; `undefined`: there is none. */
export const INSPECTOR = process.env.NODE_ENV === 'production' ? undefined : 'inspector';
