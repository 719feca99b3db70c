/** What costs something to find out of each request: it is found out once a format of the configuration asks for it. */
export const wantedFacts = {
  /** How long the search for a route took. */
  routeTimes: false,
  /** When the first byte of a response's body came. */
  bodyTimes: false,
};
