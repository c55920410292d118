/** The peers sign their cookies and cannot do without; it takes 32 characters. */
export const PEER_SECRET = 'only-for-the-bench-only-for-the-bench';
