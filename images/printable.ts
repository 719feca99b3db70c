/** Texts of strangers for a terminal: nothing that it would act on. */

/** A line's own text. */
export const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

/** One word of a line, which spaces would end. */
export const printableWord = (text: string): string => text.replace(/[^\x21-\x7e]/g, '?');
