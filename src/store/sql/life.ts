/**
 * To renew a row is to write it. So the end of its life is put this much further than was asked for, and a
 * renewal is due when that is used up: a row lives up to a tenth longer, and never ends early.
 */
export const RENEWAL_SLACK = 1.1;

/** Seconds by which a life may be too long before a renewal makes it shorter. */
export const LIFE_TOLERANCE = 60;
