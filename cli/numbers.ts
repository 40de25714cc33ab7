import { InvalidArgumentError } from 'commander';

/** Reads the number of an option; what is none is a usage error, before anything is done. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
  };

export const port = wholeNumber(0, 65_535);
/** As an endpoint's configuration takes them. */
export const workers = wholeNumber(1, 1024);
