/**
 * Renewing a row writes it. To save writes, a renewal extends a row's life to this multiple of the requested
 * life, and the next one is due when the remaining life is shorter than requested. A row may live up to a
 * tenth too long, and never ends early.
 */
export const RENEWAL_SLACK = 1.1;

/** A renewal shortens a life that is more than this many seconds too long. */
export const LIFE_TOLERANCE = 60;
